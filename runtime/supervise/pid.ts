import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Long enough for a worker to finish its page, or Postgres its checkpoint. */
const stopTimeoutMsDefault = 15_000;
const pollMs = 50;

/** Asks a process to end, then kills it; returns when it is gone. */
export async function stopPid(
  pid: number,
  signal: NodeJS.Signals,
  timeoutMs = stopTimeoutMsDefault,
): Promise<void> {
  sendSignal(pid, signal);
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) sendSignal(pid, 'SIGKILL');
    await delay(pollMs);
  }
}

/** True while the process runs; one that merely waits to be reaped is gone. */
export function isAlive(pid: number): boolean {
  return sendSignal(pid, 0) && !isZombie(pid);
}

/** The process's command line, or nothing when there is no such process. */
export function commandLine(pid: number): string {
  return process.platform === 'linux'
    ? readProc(pid, 'cmdline').replaceAll('\0', ' ')
    : askPs(pid, 'command=');
}

/** Whether these stand side by side, and whole, among the arguments of a process that lives. */
export function hasArguments(pid: number, wanted: readonly string[]): boolean {
  if (process.platform !== 'linux') {
    // `ps` shows them joined by spaces.
    return ` ${commandLine(pid)} `.includes(` ${wanted.join(' ')} `);
  }
  const all = readProc(pid, 'cmdline').split('\0');
  return all.some((_, at) => wanted.every((each, offset) => all[at + offset] === each));
}

/**
 * The file name of the program that a process runs, cut off after 15 characters if it is another
 * account's; or nothing when that cannot be told.
 */
export function programOf(pid: number): string {
  if (process.platform !== 'linux') return path.basename(askPs(pid, 'comm='));
  try {
    return path.basename(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    const stat = readProc(pid, 'stat');
    return stat.slice(stat.indexOf('(') + 1, Math.max(0, stat.lastIndexOf(')')));
  }
}

/** The folder that a process is in, or nothing when that cannot be told. */
export function workingFolder(pid: number): Stats | undefined {
  try {
    return statSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** When the process started, as the system tells it, or nothing when there is no such process. */
export function startedAt(pid: number): string {
  return process.platform === 'linux' ? (statFields(pid)[19] ?? '') : askPs(pid, 'lstart=');
}

/** What follows the name in `/proc/<pid>/stat`: the state first, the start time twentieth. */
function statFields(pid: number): string[] {
  const stat = readProc(pid, 'stat');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function askPs(pid: number, field: string): string {
  const args = ['-ww', '-o', field, '-p', String(pid)];
  const { stdout } = spawnSync('ps', args, { encoding: 'utf8' });
  return (stdout ?? '').trim();
}

function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isZombie(pid: number): boolean {
  return process.platform === 'linux' && (statFields(pid)[0] ?? 'Z').startsWith('Z');
}
