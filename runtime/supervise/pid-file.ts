import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { commandLine, stopPid } from './pid.ts';

export interface PidRecord {
  pid: number;
  /** Text that the command line must contain for the process to be ours. */
  marker: string;
}

export function writePidFile(file: string, record: PidRecord): void {
  writeFileSync(file, JSON.stringify(record), { mode: 0o600 });
}

/** Removes the file if it still names that process: a successor may have written its own. */
export function removePidFile(file: string, pid: number): void {
  if (readPidFile(file)?.pid === pid) rmSync(file, { force: true });
}

export function readPidFile(file: string): PidRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as PidRecord;
  } catch {
    return undefined;
  }
}

/** The pid that the file names, if that process lives and is ours by its command line. */
export function ownPid(file: string): number | undefined {
  const record = readPidFile(file);
  if (!record?.marker) return undefined;
  return commandLine(record.pid).includes(record.marker) ? record.pid : undefined;
}

/** Stops what a killed supervisor left behind, and nothing else. Tells whether there was any. */
export async function stopOrphan(file: string, signal: NodeJS.Signals): Promise<boolean> {
  const pid = ownPid(file);
  if (pid !== undefined) await stopPid(pid, signal);
  rmSync(file, { force: true });
  return pid !== undefined;
}
