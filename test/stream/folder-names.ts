import type { Random } from '../emulators/imap/sample/random.ts';

/** The names are few, so that deleted ones come back. */
const names = [
  'Kunden',
  'Büro',
  '請求書',
  'Angebote & Verträge',
  'Архив',
  'R&D ~peter',
  'a "quoted" name',
  'Ablage',
  'Lists',
];

/** Deeper nesting shows nothing new, and the server's paths are bounded. */
const depthMax = 3;

/** The server's. */
export const separator = '.';

/** A name that is free, at the root or below a folder. */
export function drawName(random: Random, folders: readonly string[]): string | undefined {
  const parent = random.chance(0.4) ? random.pick(folders) : undefined;
  const nests = parent !== undefined && parent.split(separator).length < depthMax;
  const name = nests ? `${parent}${separator}${random.pick(names)}` : random.pick(names);
  return folders.includes(name) ? undefined : name;
}

/** Whether a folder is this one or lies in it. */
export function isWithin(name: string, folder: string): boolean {
  return `${name}${separator}`.startsWith(`${folder}${separator}`);
}
