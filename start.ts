import { rmSync } from 'node:fs';
import { appRole, keysRole, migrate, roleUrl } from './db/migrate.ts';
import { ensureDatabases, hasTenants, knowsKey } from './runtime/embedded/databases.ts';
import { ensureFirstPeople, waitForApi } from './runtime/embedded/first-people.ts';
import { ensureSecrets, type Home, openHome, writePrivate } from './runtime/embedded/home.ts';
import { runNodeScript, startNodeService } from './runtime/embedded/node-service.ts';
import { stopOrphans } from './runtime/embedded/orphans.ts';
import { claimPort } from './runtime/embedded/port.ts';
import { startPostgres } from './runtime/embedded/postgres.ts';
import {
  claimSamplePort,
  sampleMailboxUrl,
  startSampleMailbox,
} from './runtime/embedded/sample-mailbox.ts';
import { startTemporal } from './runtime/embedded/temporal.ts';
import { temporalBinary } from './runtime/embedded/temporal-binary.ts';
import { type PolledQueue, waitForWorker } from './runtime/embedded/worker-ready.ts';
import { consoleUrl, type Instance, welcome } from './runtime/embedded/instance.ts';
import { type Env, readEnv } from './runtime/env.ts';
import { describeProblem } from './runtime/problem.ts';
import { createProgress } from './runtime/supervise/progress.ts';
import { createCrew } from './runtime/supervise/supervise.ts';
import { workerEnvironment } from './runtime/worker-memory.ts';
import {
  connectTemporal,
  registerSearchAttributes,
  temporalNamespace,
} from './runtime/temporal.ts';
import { searchAttributes, taskQueues } from './workflows/contract.ts';

/**
 * `npm start`: all of Steward on one machine. It starts the embedded services in the order in
 * which they need each other, keeps them running, and stops them in the opposite order.
 */
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupt.abort(signal));
}
// A terminal that is closed, or a pipe that nobody reads any more, ends it in good order too.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', () => interrupt.abort('SIGPIPE'));
}
const interrupted = new Promise((resolve) => {
  interrupt.signal.addEventListener('abort', resolve, { once: true });
});
const { step, say } = createProgress((text) => process.stdout.write(text), interrupt.signal);
const crew = createCrew(say);

try {
  const env = readEnv();
  const home = await step(`Folder ${env.home}`, () => openHome(env.home));
  try {
    await run(env, home);
  } finally {
    rmSync(home.instanceFile, { force: true });
    console.log('Stopping …');
    await crew.stop();
    home.unlock();
    console.log('Stopped.');
  }
} catch (error) {
  if (!interrupt.signal.aborted) {
    console.error(`\n${describeProblem(error)}`);
    process.exitCode = 1;
  }
}
// Nothing is left to wait for; a connection pool's idle timer must not keep the terminal.
process.exit();

type Services = Awaited<ReturnType<typeof startServices>>;

/** Starts everything, says where it is, and returns when it is to stop. */
async function run(env: Env, home: Home): Promise<void> {
  rmSync(home.instanceFile, { force: true });
  await step('Leftovers of a killed run', () => stopOrphans(home));
  const services = await startServices(env, home);
  const apiUrl = `http://127.0.0.1:${services.apiPort}`;
  await startProcesses(home, services);
  const signal = AbortSignal.any([interrupt.signal, crew.broken]);
  await step('API', () => waitForApi(apiUrl, home, signal));
  const pid = () => crew.pids()['worker'];
  await step('Worker', () =>
    waitForWorker(services.temporalConfig, queuesOf(env), home, { pid, signal }),
  );
  const people = await step('Operator, tenant and member', () =>
    ensureFirstPeople(apiUrl, home, {
      createOperator: () => createOperator(services.processEnv),
      hasTenants: () => hasTenants(services.databaseUrl),
      knowsKey: (name, key) => knowsKey(services.databaseUrl, name, key),
      signal,
    }),
  );
  crew.started();
  const { sample, temporal, databaseUrl, keysDatabaseUrl } = services;
  const instance = (): Instance => ({
    apiUrl,
    consoleUrl: consoleUrl(apiUrl, people),
    ...temporal,
    databaseUrl,
    keysDatabaseUrl,
    ...people,
    sampleMailbox: sample,
    pids: { supervisor: process.pid, ...crew.pids() },
  });
  const write = () =>
    writePrivate(home.instanceFile, `${JSON.stringify(instance(), undefined, 2)}\n`);
  crew.onRestart(write);
  write();
  console.log(welcome(instance(), home.folder));
  await interrupted;
}

/** What the two processes stand on: Postgres, Temporal and the sample mailbox. */
async function startServices(env: Env, home: Home) {
  const { stateDir } = home;
  const secrets = ensureSecrets(home);
  // Chosen once: a service that is started again must come back where the others look for it.
  const apiPort = await claimPort(env.port, 'the API', 'STEWARD_PORT');
  const port = await claimPort(env.postgresPort, 'Postgres', 'STEWARD_POSTGRES_PORT');
  const postgres = await step(`Postgres on port ${port}`, () =>
    crew.keep('postgres', () =>
      startPostgres({
        dataDir: home.postgresDir,
        port,
        password: secrets.postgresPassword,
        stateDir,
      }),
    ),
  );
  const databaseUrl = postgres.url('steward');
  const keysDatabaseUrl = postgres.url('steward_keys');
  await step('Databases and migrations', async () => {
    await ensureDatabases(postgres.url(), ['steward', 'steward_keys']);
    const { appPassword } = secrets;
    await migrate({ ownerUrl: databaseUrl, keysUrl: keysDatabaseUrl, appPassword });
  });
  const { config: temporalConfig, ...temporal } = await startTemporalUnlessGiven(env, home);
  const sample = {
    host: '127.0.0.1',
    port: await claimSamplePort(home, env.samplePort),
    username: 'sam@sample.example',
    password: 'sample',
  };
  await step('Sample mailbox', () =>
    crew.keep('sampleMailbox', () => startSampleMailbox(home, sample)),
  );
  const processEnv = {
    DATABASE_URL: roleUrl(databaseUrl, appRole, secrets.appPassword),
    DATABASE_OWNER_URL: undefined,
    KEYS_DATABASE_URL: roleUrl(keysDatabaseUrl, keysRole, secrets.appPassword),
    STEWARD_ROOT_KEY: undefined,
    STEWARD_ROOT_KEY_FILE: home.rootKeyFile,
    STEWARD_HOME: home.folder,
    STEWARD_PORT: String(apiPort),
    STEWARD_SANDBOX: 'true',
    STEWARD_SAMPLE_MAILBOX: sampleMailboxUrl(sample),
    STEWARD_TEMPORAL_UI_URL: temporal.temporalUiUrl,
    TEMPORAL_ADDRESS: temporal.temporalAddress,
    TEMPORAL_NAMESPACE: temporal.temporalNamespace,
  };
  return { apiPort, databaseUrl, keysDatabaseUrl, temporal, temporalConfig, sample, processEnv };
}

/** Uses the server that TEMPORAL_ADDRESS names, and brings one when it names none. */
async function startTemporalUnlessGiven(env: Env, home: Home) {
  const given = env.temporal.connectionOptions.address;
  const embedded = given === undefined ? await startOwnTemporal(env, home) : undefined;
  const connectionOptions = {
    ...env.temporal.connectionOptions,
    address: embedded?.address ?? given,
  };
  const config = { ...env.temporal, connectionOptions } as Env['temporal'];
  const namespace = temporalNamespace(config);
  await step('Search attributes', async () => {
    const { connection } = await connectTemporal(config);
    await registerSearchAttributes(connection, namespace, Object.values(searchAttributes));
    await connection.close();
  });
  return {
    config,
    temporalAddress: String(connectionOptions.address),
    temporalUiUrl: embedded?.uiUrl ?? env.temporalUiUrl,
    temporalNamespace: namespace,
  };
}

async function startOwnTemporal(env: Env, home: Home) {
  const binary = await step('Temporal program', () => temporalBinary(say));
  const port = await claimPort(env.temporalPort, 'Temporal', 'STEWARD_TEMPORAL_PORT');
  const uiPort = await claimPort(env.temporalUiPort, 'the Temporal UI', 'STEWARD_TEMPORAL_UI_PORT');
  return await step(`Temporal on port ${port}`, () =>
    crew.keep('temporal', () =>
      startTemporal({
        binary,
        databaseFile: home.temporalFile,
        port,
        uiPort,
        stateDir: home.stateDir,
        timeSkipping: true,
        namespace: temporalNamespace(env.temporal),
      }),
    ),
  );
}

/** The worker first, so that it is the API that stops first. */
async function startProcesses(home: Home, { processEnv }: Services): Promise<void> {
  for (const name of ['worker', 'api']) {
    const script = `${name}/main.ts`;
    const env = { ...processEnv, ...(name === 'worker' && workerEnvironment) };
    await crew.keep(name, () => startNodeService(home, { name, script, env }));
  }
}

/** What this worker is to poll: all lanes, unless it was told to serve some. */
function queuesOf({ workerQueues }: Env): PolledQueue[] {
  const lanes = Object.entries(taskQueues).filter(([lane]) => workerQueues?.includes(lane) ?? true);
  return lanes.map(([lane, queue]) => ({
    queue,
    kind: lane === 'workflows' ? 'workflow' : 'activity',
  }));
}

/** Returns the operator's key, which the command prints last. */
async function createOperator(processEnv: Services['processEnv']): Promise<string> {
  const script = 'worker/commands/create-operator.ts';
  const printed = await runNodeScript(script, ['--name', 'Operator'], processEnv);
  return printed.trim().split('\n').at(-1) ?? '';
}
