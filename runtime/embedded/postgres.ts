import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { Problem } from '../problem.ts';
import { stopOrphan } from '../supervise/pid-file.ts';
import { logTail, type ServiceProcess, spawnService } from '../supervise/process.ts';
import { claimPort } from './port.ts';
import { clearPostmasterPid } from './postmaster-pid.ts';
import { checkTraversable, postgresBinaries, postgresUser } from './postgres-binaries.ts';

export interface PostgresOptions {
  /** Created when missing; belongs to Postgres alone. */
  dataDir: string;
  /** 0 = any free one. */
  port: number;
  /** The superuser's; set when the data folder is created. */
  password: string;
  /** Pid and log file go here. */
  stateDir: string;
  /** `postgresql.conf` settings over the durable defaults. */
  settings?: Record<string, string>;
  /** Skips the sync of a fresh data folder that nobody will miss. */
  disposable?: boolean;
}

export interface RunningPostgres extends ServiceProcess {
  port: number;
  /** The superuser's URL of a database. */
  url(database?: string): string;
}

/** After SIGKILL the old server's children need a moment to notice and let its memory go. */
const startTimeoutMs = 30_000;
const pollMs = 50;
const superuser = 'postgres';
const run = promisify(execFile);

/** Loopback TCP only, room for the worker's 20 connections, the API's and an operator's. */
const defaultSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  log_min_messages: 'warning',
  // Statements carry parameters of tenants; the server's log must not.
  log_min_error_statement: 'panic',
  log_parameter_max_length_on_error: '0',
};

export const postgresPidFile = (stateDir: string) => path.join(stateDir, 'postgres.pid');

/**
 * Starts Postgres on its data folder, which is created when missing, and waits until it answers.
 * An orphan of ours on that folder is stopped first.
 * @throws Problem for a taken port, a folder that shuts Postgres out, or a folder it cannot read.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const user = postgresUser();
  const { initdb, postgres: binary } = await postgresBinaries();
  const dataDir = path.resolve(options.dataDir);
  mkdirSync(options.stateDir, { recursive: true });
  prepareFolder(dataDir, user);
  if (user) [path.dirname(dataDir), path.dirname(binary)].forEach(checkTraversable);
  const pidFile = postgresPidFile(options.stateDir);
  await stopOrphan(pidFile, 'SIGINT');
  if (!isInitialised(dataDir)) await initialise(initdb, dataDir, options, user);
  const port = await claimPort(options.port, 'Postgres', 'STEWARD_POSTGRES_PORT');
  const logFile = path.join(options.stateDir, 'postgres.log');
  const settings = { ...defaultSettings, ...options.settings };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const url = (database = 'postgres') =>
    `postgres://${superuser}:${options.password}@127.0.0.1:${port}/${database}`;
  const spec = {
    name: 'postgres',
    command: binary,
    args: ['-D', dataDir, '-p', String(port), ...flags],
    marker: `-D ${dataDir} `,
    pidFile,
    logFile,
    user,
    // Fast shutdown: ends the sessions, writes the checkpoint.
    stopSignal: 'SIGINT' as const,
  };
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    clearPostmasterPid(dataDir);
    const running = await spawnService(spec);
    if (await answers(running, url(), deadline)) return { ...running, port, url };
    const reason = logTail(logFile);
    const retry = /shared memory block|lock file/.test(reason) && Date.now() < deadline;
    if (!retry) throw startFailure(dataDir, logFile, reason);
    await delay(pollMs * 10);
  }
}

function isInitialised(dataDir: string): boolean {
  return existsSync(path.join(dataDir, 'PG_VERSION'));
}

function prepareFolder(dataDir: string, user: { uid: number; gid: number } | undefined): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  if (user && statSync(dataDir).uid !== user.uid) chownSync(dataDir, user.uid, user.gid);
  chmodSync(dataDir, 0o700);
}

/** A folder whose creation was cut short has no complete cluster: it holds nothing yet. */
async function initialise(
  initdb: string,
  dataDir: string,
  options: PostgresOptions,
  user: { uid: number; gid: number } | undefined,
): Promise<void> {
  const building = `${dataDir}.new`;
  if (readdirSync(dataDir).length > 0) {
    throw new Problem(
      `${dataDir} holds files, but they are not those of a database.`,
      'Restore the folder from a backup, or move it away to begin anew.',
    );
  }
  rmSync(building, { recursive: true, force: true });
  mkdirSync(building, { mode: 0o700 });
  const passwordFile = `${dataDir}.password`;
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  if (user) for (const file of [building, passwordFile]) chownSync(file, user.uid, user.gid);
  const args = ['-D', building, '-U', superuser, `--pwfile=${passwordFile}`, '-E', 'UTF8'];
  args.push('--auth=scram-sha-256', '--locale=C', '--locale-provider=builtin');
  args.push('--builtin-locale=C.UTF-8', ...(options.disposable ? ['--no-sync'] : []));
  try {
    await run(initdb, args, { cwd: path.dirname(initdb), ...user });
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? error).trim();
    throw new Problem(
      `The database folder could not be created: ${said}`,
      `Check that ${path.dirname(dataDir)} is writable and has room.`,
      { cause: error },
    );
  } finally {
    rmSync(passwordFile, { force: true });
  }
  replaceFolder(building, dataDir);
}

function replaceFolder(from: string, to: string): void {
  rmSync(to, { recursive: true });
  renameSync(from, to);
}

async function answers(running: ServiceProcess, url: string, deadline: number): Promise<boolean> {
  while (!running.hasExited() && Date.now() < deadline) {
    const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => undefined });
    try {
      await sql`select 1`;
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === '28P01') {
        await running.stop();
        throw new Problem(
          'The password in the data folder does not open its own database.',
          'Restore the whole folder from a backup: its parts must come from the same moment.',
          { cause: error },
        );
      }
      await delay(pollMs);
    } finally {
      await sql.end({ timeout: 0 });
    }
  }
  if (!running.hasExited()) await running.stop();
  return false;
}

function startFailure(dataDir: string, logFile: string, reason: string): Problem {
  return new Problem(
    `Postgres does not start on ${dataDir}. Its last words:\n${reason}`,
    `Read ${logFile}. If the folder is damaged, restore it from a backup, or move it away to begin anew.`,
  );
}
