import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { commandLine, startedAt, stopPid } from './pid.ts';

export interface PidRecord {
  pid: number;
  /** Text that the command line must contain for the process to be ours. */
  marker: string;
  /** When the process started, in the system's own words: numbers of processes come round again. */
  startedAt: string;
}

/** Records a process under its number, its marker and its start, by which it is known again. */
export function writePidFile(
  file: string,
  { pid, marker }: Pick<PidRecord, 'pid' | 'marker'>,
): void {
  const record: PidRecord = { pid, marker, startedAt: startedAt(pid) };
  writeFileSync(file, JSON.stringify(record), { mode: 0o600 });
}

/** Removes the file if it still names that process: a successor may have written its own. */
export function removePidFile(file: string, pid: number): void {
  if (readPidFile(file)?.pid === pid) rmSync(file, { force: true });
}

/** The pid that the file names, if that process lives and is the one that was recorded. */
export function ownPid(file: string): number | undefined {
  const record = readPidFile(file);
  if (!record?.marker) return undefined;
  const same =
    commandLine(record.pid).includes(record.marker) && startedAt(record.pid) === record.startedAt;
  return same ? record.pid : undefined;
}

/** Stops what a killed supervisor left behind, and nothing else. Tells whether there was any. */
export async function stopOrphan(file: string, signal: NodeJS.Signals): Promise<boolean> {
  const pid = ownPid(file);
  if (pid !== undefined) await stopPid(pid, signal);
  rmSync(file, { force: true });
  return pid !== undefined;
}

function readPidFile(file: string): PidRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as PidRecord;
  } catch {
    return undefined;
  }
}
