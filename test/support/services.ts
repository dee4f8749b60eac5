import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { postgresPidFile, startPostgres } from '../../runtime/embedded/postgres.ts';
import { startTemporal, temporalPidFile } from '../../runtime/embedded/temporal.ts';
import { temporalBinary } from '../../runtime/embedded/temporal-binary.ts';
import { stopOrphan } from '../../runtime/supervise/pid-file.ts';
import { isAlive } from '../../runtime/supervise/pid.ts';
import { bundleWorkflows } from '../../worker/workflow-bundle.ts';

export interface TestServices {
  postgresUrl: string;
  temporalAddress: string;
  temporalUiUrl: string;
  workflowBundle: string;
  stop(): Promise<void>;
}

const root = path.join(tmpdir(), `steward-test-${process.getuid?.() ?? 0}`);

/** Nothing here outlives the run, so nothing waits for a disk. */
const disposableSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  max_wal_size: '4GB',
  autovacuum_naptime: '5s',
};

/** Starts one Postgres and one Temporal dev server for a run of tests, in a folder of its own. */
export async function startTestServices(): Promise<TestServices> {
  mkdirSync(root, { recursive: true, mode: 0o755 });
  await sweepDeadRuns();
  const folder = mkdtempSync(path.join(root, `${process.pid}-`));
  chmodSync(folder, 0o755);
  const stateDir = folder;
  const workflowBundle = path.join(folder, 'workflows.js');
  const [postgres, temporal, code] = await Promise.all([
    startPostgres({
      dataDir: path.join(folder, 'postgres'),
      port: 0,
      password: 'test',
      stateDir,
      settings: disposableSettings,
      disposable: true,
    }),
    temporalBinary((text) => process.stderr.write(`${text}\n`)).then((binary) =>
      startTemporal({
        binary,
        databaseFile: path.join(folder, 'temporal.sqlite'),
        port: 0,
        uiPort: 0,
        stateDir,
        timeSkipping: true,
      }),
    ),
    bundleWorkflows(),
  ]);
  writeFileSync(workflowBundle, code);
  return {
    postgresUrl: postgres.url(),
    temporalAddress: temporal.address,
    temporalUiUrl: temporal.uiUrl,
    workflowBundle,
    stop: async () => {
      await Promise.all([postgres.stop(), temporal.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A run that was killed leaves its services behind; their folder names the run's process. */
async function sweepDeadRuns(): Promise<void> {
  for (const name of readdirSync(root)) {
    if (isAlive(Number.parseInt(name, 10))) continue;
    const folder = path.join(root, name);
    await stopOrphan(postgresPidFile(folder), 'SIGQUIT');
    await stopOrphan(temporalPidFile(folder), 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}
