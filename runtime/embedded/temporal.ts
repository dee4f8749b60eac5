import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { Problem } from '../problem.ts';
import { stopOrphan } from '../supervise/pid-file.ts';
import { logTail, type ServiceProcess, spawnService } from '../supervise/process.ts';
import { claimPort } from './port.ts';

export interface TemporalOptions {
  binary: string;
  /** The SQLite file; created when missing. */
  databaseFile: string;
  /** 0 = any free one, for both. */
  port: number;
  uiPort: number;
  /** Pid and log file go here. */
  stateDir: string;
  /** Lets a test or the sandbox move the clock of single workflows. */
  timeSkipping: boolean;
  /** Created when missing; the server has `default` besides. */
  namespace?: string;
}

export interface RunningTemporal extends ServiceProcess {
  address: string;
  uiUrl: string;
}

const startTimeoutMs = 30_000;
const pollMs = 100;
/** The server takes five more ports on its own, and crashes when one is gone before it listens. */
const startAttempts = 3;
const namespaceDefault = 'default';
const newsFlag = '--ui-disable-news-fetch';
const run = promisify(execFile);

export const temporalPidFile = (stateDir: string) => path.join(stateDir, 'temporal.pid');
const temporalLogFile = (stateDir: string) => path.join(stateDir, 'temporal.log');

/**
 * Starts the dev server with its UI on a SQLite file and waits until it answers.
 * An orphan of ours on that file is stopped first.
 * @throws Problem for a taken port, or a server that does not come up.
 */
export async function startTemporal(options: TemporalOptions): Promise<RunningTemporal> {
  mkdirSync(options.stateDir, { recursive: true });
  await stopOrphan(temporalPidFile(options.stateDir), 'SIGTERM');
  for (let attempt = 1; ; attempt += 1) {
    const running = await launch(options);
    if (await answers(running, options.namespace ?? namespaceDefault)) return running;
    const crashed = running.hasExited();
    if (!crashed) await running.stop();
    if (!crashed || attempt === startAttempts) throw startFailure(options);
  }
}

async function launch(options: TemporalOptions): Promise<RunningTemporal> {
  const port = await claimPort(options.port, 'Temporal', 'STEWARD_TEMPORAL_PORT');
  const uiPort = await claimPort(options.uiPort, 'the Temporal UI', 'STEWARD_TEMPORAL_UI_PORT');
  const databaseFile = path.resolve(options.databaseFile);
  const running = await spawnService({
    name: 'temporal',
    command: options.binary,
    args: [
      ...['server', 'start-dev', '--db-filename', databaseFile, '--ip', '127.0.0.1'],
      ...['--port', String(port), '--ui-port', String(uiPort), '--log-level', 'error'],
      ...['--namespace', options.namespace ?? namespaceDefault],
      ...['--dynamic-config-value', 'frontend.enableServerVersionCheck=false'],
      ...['--dynamic-config-value', `frontend.WorkflowTimeSkippingEnabled=${options.timeSkipping}`],
      // An older program does not know the flag, and refuses what it does not know.
      ...((await knowsFlag(options.binary, newsFlag)) ? [newsFlag] : []),
    ],
    marker: `--db-filename ${databaseFile} `,
    pidFile: temporalPidFile(options.stateDir),
    logFile: temporalLogFile(options.stateDir),
  });
  return { ...running, address: `127.0.0.1:${port}`, uiUrl: `http://127.0.0.1:${uiPort}` };
}

function startFailure({ stateDir, databaseFile }: TemporalOptions): Problem {
  const logFile = temporalLogFile(stateDir);
  return new Problem(
    `The Temporal server does not start. Its last words:\n${logTail(logFile)}`,
    `Read ${logFile}. If ${path.resolve(databaseFile)} is damaged, delete it: Postgres holds ` +
      'everything that matters, and the workflows are started again from there.',
  );
}

async function knowsFlag(binary: string, flag: string): Promise<boolean> {
  const { stdout } = await run(binary, ['server', 'start-dev', '--help']);
  return stdout.includes(flag);
}

async function answers(running: RunningTemporal, namespace: string): Promise<boolean> {
  const deadline = Date.now() + startTimeoutMs;
  while (!running.hasExited() && Date.now() < deadline) {
    if (await reachable(running.address, namespace)) return true;
    await delay(pollMs);
  }
  return false;
}

/** True when the server answers and the namespace can be described. */
async function reachable(address: string, namespace: string): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: '1s' });
    await connection.workflowService.describeNamespace({ namespace });
    return true;
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}
