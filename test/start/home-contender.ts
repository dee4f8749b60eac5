import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openHome } from '../../runtime/embedded/home.ts';
import { Problem } from '../../runtime/problem.ts';

/**
 * `node home-contender.ts <folder> <times>`: owns the folder so many times, and each time leaves it as
 * if it was killed then. It fails when somebody else owns it at the same time.
 */
const [folder = '', times = ''] = process.argv.slice(2);
const proof = path.join(folder, 'owned');
for (let owned = 0; owned < Number(times); owned += 1) {
  while (!opened());
  // Fails when it is there.
  writeFileSync(proof, '', { flag: 'wx' });
  for (let look = 0; look < 20; look += 1) readdirSync(folder);
  rmSync(proof);
  die();
}

function opened(): boolean {
  try {
    openHome(folder);
    return true;
  } catch (error) {
    if (error instanceof Problem && error.message.includes('runs already')) return false;
    throw error;
  }
}

/** Leaves the record of a process that is gone. */
function die(): void {
  const run = path.join(folder, 'run');
  for (const name of readdirSync(run)) {
    const file = path.join(run, name);
    const record = read(file);
    if (record?.pid !== process.pid) continue;
    writeFileSync(file, JSON.stringify({ ...record, startedAt: '1' }));
  }
}

function read(file: string): { pid: number } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
  } catch {
    // Another one's, which comes or goes.
    return undefined;
  }
}
