import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import type { Operation } from '../operations.ts';

/** What happened to a mailbox, one JSON object a line. */
export interface Journal {
  read(): Operation[];
  write(operation: Operation): void;
}

/**
 * Opens a journal. A last line without its line feed was torn by a crash: it is cut off, so that
 * the next one begins a line of its own. @throws for any other line that is no JSON
 */
export function openJournal(file: string): Journal {
  const text = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const whole = text.lastIndexOf('\n') + 1;
  if (whole < text.length) truncateSync(file, whole);
  const lines = text.toString('utf8', 0, whole).split('\n').slice(0, -1);
  return {
    read: () => lines.map((line) => JSON.parse(line) as Operation),
    write: (operation) => appendFileSync(file, `${JSON.stringify(operation)}\n`, { mode: 0o600 }),
  };
}
