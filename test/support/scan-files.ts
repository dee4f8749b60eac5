import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** Every file below the folders that holds one of the markers, as `marker in file`. */
export async function scanFiles(folders: string[], markers: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      for (const marker of await markersIn(file, markers)) found.push(`${marker} in ${file}`);
    }
  }
  return found;
}

/** Reads with an overlap, so that a marker across two chunks is found as well. */
async function markersIn(file: string, markers: string[]): Promise<Set<string>> {
  const found = new Set<string>();
  const overlap = Math.max(...markers.map((marker) => marker.length)) * 2;
  let tail = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) {
      const window = Buffer.concat([tail, chunk as Buffer]);
      for (const marker of markers) if (window.includes(marker)) found.add(marker);
      tail = window.subarray(-overlap);
    }
  } catch (error) {
    // Postgres removes files while it runs; what is gone holds nothing.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return found;
}
