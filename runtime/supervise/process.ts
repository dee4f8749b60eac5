import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { stopPid } from './pid.ts';
import { removePidFile, writePidFile } from './pid-file.ts';

export interface ServiceSpec {
  name: string;
  command: string;
  args: readonly string[];
  /** Text in the command line that no foreign process has; proves an orphan to be ours. */
  marker: string;
  pidFile: string;
  logFile: string;
  env?: Record<string, string | undefined>;
  cwd?: string;
  user?: { uid: number; gid: number } | undefined;
  stopSignal?: NodeJS.Signals;
  stopTimeoutMs?: number;
}

export interface ServiceProcess {
  name: string;
  pid: number;
  /** Resolves, never rejects, with how the process ended. */
  exited: Promise<string>;
  hasExited(): boolean;
  /** What it has written, but for the lines of its logger. */
  said(): string;
  stop(): Promise<void>;
}

/**
 * Starts a process that outlives us if we are killed, and can be found again by its pid file.
 * It leads a process group of its own, so that Ctrl-C reaches only the supervisor, which then
 * stops its services in order; and it writes to a file, as a pipe would break with its reader.
 */
export async function spawnService(spec: ServiceSpec): Promise<ServiceProcess> {
  const log = openSync(spec.logFile, 'a', 0o600);
  const { size } = fstatSync(log);
  const child = spawn(spec.command, [...spec.args], {
    detached: true,
    stdio: ['ignore', log, log],
    ...(spec.env === undefined ? {} : { env: spec.env }),
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    ...spec.user,
  });
  closeSync(log);
  const pid = await spawned(child);
  writePidFile(spec.pidFile, { pid, marker: spec.marker });
  let ended = false;
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = true;
      removePidFile(spec.pidFile, pid);
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`);
    });
  });
  const stop = () => stopPid(pid, spec.stopSignal ?? 'SIGTERM', spec.stopTimeoutMs);
  return {
    name: spec.name,
    pid,
    exited,
    hasExited: () => ended,
    said: () => plainText(spec.logFile, size),
    stop,
  };
}

/** A problem is a few lines; a process that has written more than this has said more than one. */
const saidBytesMax = 64 * 1024;

/** What stands in a log file from a place on and is no line of JSON. */
function plainText(logFile: string, from: number): string {
  const log = openSync(logFile, 'r');
  try {
    const bytes = Buffer.alloc(saidBytesMax);
    const text = bytes.toString('utf8', 0, readSync(log, bytes, 0, saidBytesMax, from));
    const lines = text.trimEnd().split('\n');
    return lines.filter((line) => !line.startsWith('{')).join('\n');
  } finally {
    closeSync(log);
  }
}

/** Where a crash of a Go program begins; the stack below it can be longer than any tail. */
const crashLine = /^(panic|fatal error): /;

/** How a process of ours ends when it has said what is wrong, and would again. */
export const endedByProblem = 'exit code 1';

/** The end of a log file, for an error that has to say why; a crash's first line comes with it. */
export function logTail(logFile: string, lines = 8): string {
  try {
    const all = readFileSync(logFile, 'utf8').trimEnd().split('\n');
    const tail = all.slice(-lines);
    const crash = all.findLast((line) => crashLine.test(line));
    return (crash === undefined || tail.includes(crash) ? tail : [crash, ...tail]).join('\n');
  } catch {
    return '';
  }
}

async function spawned(child: ChildProcess): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  if (child.pid === undefined) throw new Error('the process started without a pid');
  return child.pid;
}
