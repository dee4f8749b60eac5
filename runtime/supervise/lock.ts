import { linkSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { ownPid, writePidFile } from './pid-file.ts';

export interface Lock {
  release(): void;
}

/**
 * Takes a lock that a killed process cannot keep: `<name>.<number>.lock` in the folder tells who holds
 * it. The highest number counts. Who finds that its process is gone puts the next number there, whole
 * and only if it is not there yet, by a link; a lock is never taken away first, as two that do so at once
 * can each take away the other's. The highest file stays, also when it is released, so that no number
 * counts twice.
 * @returns the lock, or the number of the process that holds it
 */
export function takeLock(folder: string, name: string): Lock | number {
  const fileOf = (number: number) => path.join(folder, `${name}.${number}.lock`);
  const fresh = path.join(folder, `${name}.${process.pid}.new`);
  writePidFile(fresh, { pid: process.pid, marker: path.basename(process.argv[1] ?? '') });
  try {
    for (;;) {
      const last = Math.max(0, ...numbersOf(folder, name));
      const owner = ownPid(fileOf(last));
      if (owner !== undefined) return owner;
      const mine = last + 1;
      if (!linked(fresh, fileOf(mine))) continue;
      const older = numbersOf(folder, name).filter((number) => number !== mine);
      if (older.some((number) => number > mine)) {
        // We looked long ago: the number was taken, and swept, meanwhile.
        rmSync(fileOf(mine), { force: true });
        continue;
      }
      for (const number of older) rmSync(fileOf(number), { force: true });
      return { release: () => truncateSync(fileOf(mine)) };
    }
  } finally {
    rmSync(fresh, { force: true });
  }
}

function numbersOf(folder: string, name: string): number[] {
  const prefix = `${name}.`;
  return readdirSync(folder).flatMap((file) => {
    const number = file.startsWith(prefix) && /^(\d+)\.lock$/.exec(file.slice(prefix.length))?.[1];
    return number ? [Number(number)] : [];
  });
}

/** False when the name is taken. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
