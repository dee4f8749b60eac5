import { readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { Problem } from '../problem.ts';
import { hasArguments, isAlive, programOf, workingFolder } from '../supervise/pid.ts';

/**
 * Takes away the `postmaster.pid` of a server that is certainly gone. Postgres judges it by whether any
 * process has that number; after a power cut another one may have it, or the file is empty, and then it
 * would never start again. Where it cannot be told, the file is left to Postgres: a server that lives
 * shuts itself down when it misses its file.
 * https://www.postgresql.org/docs/current/storage-file-layout.html
 * @throws Problem when another Postgres runs on the folder.
 */
export function clearPostmasterPid(dataDir: string): void {
  const file = path.join(dataDir, 'postmaster.pid');
  const pid = readPid(file);
  const runs = pid !== undefined && runsOn(pid, dataDir);
  if (runs === true) {
    throw new Problem(
      `Another Postgres (process ${pid}) runs on ${dataDir}.`,
      `Stop it (kill -INT ${pid}), then start again.`,
    );
  }
  if (runs === false) rmSync(file, { force: true });
}

/** Whether a process is a Postgres on this folder; undefined when that cannot be told. */
function runsOn(pid: number, dataDir: string): boolean | undefined {
  if (!isAlive(pid)) return false;
  const program = programOf(pid);
  if (program === '') return undefined;
  if (!/postgres|postmaster/.test(program)) return false;
  // However it was told of its folder, it went there before it wrote the file.
  const there = workingFolder(pid);
  if (!there) return hasArguments(pid, ['-D', dataDir]) || undefined;
  const here = statSync(dataDir);
  return there.dev === here.dev && there.ino === here.ino;
}

/** The first line; negative while a single-user server has the folder. */
function readPid(file: string): number | undefined {
  try {
    const [line = ''] = readFileSync(file, 'utf8').split('\n');
    return Math.abs(Number.parseInt(line, 10)) || undefined;
  } catch {
    // No file, or none that tells a process.
    return undefined;
  }
}
