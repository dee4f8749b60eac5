import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** Every file below the folders that holds one of the markers, as `marker in file`. */
export async function scanFiles(folders: string[], markers: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const place = path.join(folder, entry.name);
      const inside = entry.isDirectory()
        ? await unlessGone(scanFiles([place], markers))
        : entry.isFile() && (await unlessGone(markersIn(place, markers)));
      found.push(...(inside || []));
    }
  }
  return found;
}

/** Postgres removes files and whole databases while it runs; what is gone holds nothing. */
async function unlessGone<T>(scan: Promise<T>): Promise<T | undefined> {
  try {
    return await scan;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Reads with an overlap, so that a marker across two chunks is found as well. */
async function markersIn(file: string, markers: string[]): Promise<string[]> {
  const found = new Set<string>();
  const overlap = Math.max(...markers.map((marker) => marker.length)) * 2;
  let tail = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) {
    const window = Buffer.concat([tail, chunk as Buffer]);
    for (const marker of markers) if (window.includes(marker)) found.add(marker);
    tail = window.subarray(-overlap);
  }
  return [...found].map((marker) => `${marker} in ${file}`);
}
