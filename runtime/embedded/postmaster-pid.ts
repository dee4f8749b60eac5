import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Problem } from '../problem.ts';
import { hasArguments } from '../supervise/pid.ts';

/**
 * Takes away the `postmaster.pid` of a server that is gone. Postgres judges it by whether any process
 * has that number; after a power cut another one may have it, or the file is empty, and then it would
 * never start again. A server that lives is still found by its shared memory block.
 * https://www.postgresql.org/docs/current/storage-file-layout.html
 * @throws Problem when another Postgres runs on the folder.
 */
export function clearPostmasterPid(dataDir: string): void {
  const file = path.join(dataDir, 'postmaster.pid');
  const pid = readPid(file);
  if (pid !== undefined && hasArguments(pid, ['-D', dataDir])) {
    throw new Problem(
      `Another Postgres (process ${pid}) runs on ${dataDir}.`,
      `Stop it (kill -INT ${pid}), then start again.`,
    );
  }
  rmSync(file, { force: true });
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
