import { openDatabase } from '../db/client.ts';
import { assertAppRole } from '../db/roles.ts';
import { createWrappedKeyStore } from '../db/queries/wrapped-keys.ts';
import { minuteMs } from '../domain/clock.ts';
import { createImapProvider } from '../providers/imap/provider.ts';
import { assertServingRole, explainDatabase } from '../runtime/database-problem.ts';
import { readEnv, type Env } from '../runtime/env.ts';
import { assertRootKeys, createKeyring } from '../runtime/keyring.ts';
import { createLogger, type Logger } from '../runtime/logger.ts';
import { describeProblem } from '../runtime/problem.ts';
import { connectTemporal, temporalNamespace } from '../runtime/temporal.ts';
import { rateLimitsDefault } from './deps.ts';
import { createApiServer, type ApiServer } from './server.ts';
import { createWorkflowControl } from './workflow-control.ts';

/** Requests hold a connection for milliseconds; a login check holds none. */
const poolMax = 20;
const keysPoolMax = 2;

/** A destroyed key lives on in this process for at most so long. */
const keyCacheMs = 5 * minuteMs;
const keyCacheMax = 1_000;

await main();

/** `node api/main.ts`: answers HTTP until SIGINT or SIGTERM. */
async function main(): Promise<void> {
  try {
    const env = readEnv();
    const log = createLogger({ name: 'api', level: env.logLevel });
    const api = await createApiProcess(env, log);
    try {
      const { url } = await api.start();
      log.info({ port: Number(new URL(url).port) }, 'listening');
      await stopAsked();
      log.info('draining');
    } finally {
      await api[Symbol.asyncDispose]();
    }
  } catch (error) {
    process.stderr.write(`${describeProblem(error)}\n`);
    process.exitCode = 1;
  }
}

/** Composes the process and proves that it may serve. Disposal closes what it opened. */
async function createApiProcess(env: Env, log: Logger): Promise<ApiServer> {
  const opened = new AsyncDisposableStack();
  try {
    const server = await openServer(env, log, opened);
    return { start: () => server.start(), [Symbol.asyncDispose]: () => opened.disposeAsync() };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

async function openServer(env: Env, log: Logger, opened: AsyncDisposableStack): Promise<ApiServer> {
  const open = (url: string, max: number) => {
    const database = openDatabase(url, { poolMax: max, applicationName: 'steward-api' });
    opened.defer(() => database.close());
    return database;
  };
  const database = open(env.databaseUrl, poolMax);
  const keys = open(env.keysDatabaseUrl, keysPoolMax);
  await assertServingRole(() => assertAppRole(database));
  const store = createWrappedKeyStore(keys);
  await explainDatabase('KEYS_DATABASE_URL', () => assertRootKeys(store, env.rootKeys));
  const client = await connectTemporal(env.temporal);
  opened.defer(() => client.connection.close());
  const { allowedNetworks, allowCleartext } = env;
  const mail = createImapProvider({ allowedNetworks, allowCleartext });
  const server = createApiServer(
    {
      database,
      keyring: createKeyring({
        rootKeys: () => env.rootKeys,
        store,
        cacheMs: keyCacheMs,
        cacheMax: keyCacheMax,
      }),
      imap: mail,
      workflows: createWorkflowControl(client),
      log,
      options: {
        temporalUiUrl: env.temporalUiUrl,
        temporalNamespace: temporalNamespace(env.temporal),
        limits: rateLimitsDefault,
        sandbox: env.sandbox ? { sample: env.sampleMailbox } : undefined,
      },
    },
    { host: env.host, port: env.port },
  );
  opened.use(server);
  return server;
}

function stopAsked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
