import { Runtime } from '@temporalio/worker';
import { openDatabase } from '../db/client.ts';
import { assertAppRole } from '../db/roles.ts';
import { createWrappedKeyStore } from '../db/queries/wrapped-keys.ts';
import { minuteMs } from '../domain/clock.ts';
import { createImapProvider } from '../providers/imap/provider.ts';
import { assertServingRole, explainDatabase } from '../runtime/database-problem.ts';
import { readEnv, type Env } from '../runtime/env.ts';
import { assertRootKeys, createKeyring } from '../runtime/keyring.ts';
import { createLogger, type Logger } from '../runtime/logger.ts';
import { describeProblem, Problem } from '../runtime/problem.ts';
import {
  connectTemporal,
  connectTemporalWorker,
  temporalLogger,
  temporalNamespace,
} from '../runtime/temporal.ts';
import { pokeMailboxSync, type Lane } from '../workflows/contract.ts';
import { allLanes } from './lanes.ts';
import { createPageEncoder } from './threads/page-encoder.ts';
import { createWorkerProcess } from './worker-process.ts';
import { bundleWorkflows } from './workflow-bundle.ts';

/** All lanes of one process share these (architecture.md: 20 Postgres connections). */
const poolMax = 20;
const keysPoolMax = 2;

/** A destroyed key lives on in this process for at most so long. */
const keyCacheMs = 5 * minuteMs;
const keyCacheMax = 1_000;

try {
  await main();
} catch (error) {
  process.stderr.write(`${describeProblem(error)}\n`);
  // What was opened before the fault must not keep a process alive that does nothing.
  process.exit(1);
}

/** `node worker/main.ts`: runs workflows and activities until SIGINT or SIGTERM. */
async function main(): Promise<void> {
  // Before there are lanes nothing is in hand: what was opened ends with the process.
  let stop = (): void => process.exit();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop());
  const env = readEnv();
  const log = createLogger({ name: 'worker', level: env.logLevel });
  installRuntime(env, log);
  const database = openDatabase(env.databaseUrl, { poolMax, applicationName: 'steward-worker' });
  const keys = openDatabase(env.keysDatabaseUrl, {
    poolMax: keysPoolMax,
    applicationName: 'steward-worker',
  });
  await assertServingRole(() => assertAppRole(database));
  const store = createWrappedKeyStore(keys);
  await explainDatabase('KEYS_DATABASE_URL', () => assertRootKeys(store, env.rootKeys));
  const client = await connectTemporal(env.temporal);
  const connection = await connectTemporalWorker(env.temporal);
  const keyring = createKeyring({
    rootKeys: () => env.rootKeys,
    store,
    cacheMs: keyCacheMs,
    cacheMax: keyCacheMax,
  });
  const encoder = createPageEncoder(keyring);
  const { allowedNetworks, allowCleartext } = env;
  const mail = createImapProvider({ allowedNetworks, allowCleartext });
  const poke = (connectionId: string) => pokeMailboxSync(client, connectionId);
  const worker = await createWorkerProcess({
    database,
    client,
    connection,
    bundle: { code: await bundleWorkflows() },
    namespace: temporalNamespace(env.temporal),
    log,
    lanes: chosenLanes(env),
    activities: { database, keyring, encoder, mail, poke, log },
  });
  stop = () => worker.stop();
  log.info({ lanes: chosenLanes(env) }, 'worker runs');
  await worker.run();
  await mail.close();
  await encoder[Symbol.asyncDispose]();
  await connection.close();
  await client.connection.close();
  await Promise.all([database.close(), keys.close()]);
}

function installRuntime({ host, metricsPort }: Env, log: Logger): void {
  try {
    Runtime.install({
      // It would take the signals, and do nothing with them until its workers run.
      shutdownSignals: [],
      logger: temporalLogger(log),
      telemetryOptions: metricsPort === undefined ? {} : prometheus(host, metricsPort),
    });
  } catch (cause) {
    if (metricsPort === undefined) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Problem(
      `The worker's metrics cannot be served at ${host}:${metricsPort}: ${why}`,
      'Choose another port, STEWARD_METRICS_PORT=<port>, and for STEWARD_HOST an address of this machine.',
      { cause },
    );
  }
}

/** The SDK's own metrics (slots, latencies, failures) at /metrics. */
function prometheus(host: string, port: number) {
  return { metrics: { prometheus: { bindAddress: `${host}:${port}` } } };
}

function chosenLanes({ workerQueues }: Env): Lane[] {
  if (!workerQueues) return allLanes;
  const unknown = workerQueues.filter((name) => !allLanes.some((lane) => lane === name));
  if (unknown.length > 0) {
    throw new Problem(
      `WORKER_QUEUES names lanes that don't exist: ${unknown.join(', ')}.`,
      `Choose among ${allLanes.join(', ')}, separated by commas.`,
    );
  }
  return allLanes.filter((lane) => workerQueues.includes(lane));
}
