import { createHash } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import type { ListWindow } from '../db/queries/keyset.ts';
import { HttpProblem } from './problem.ts';

export const limitDefault = 50;
/** A page of 200 opens 200 sealed envelopes: a few milliseconds. */
export const limitMax = 200;
/** Our own cursors stay below 200 characters. */
const cursorLengthMax = 512;

/** Where the next page starts: the sort key of the last row, and its id. */
export interface Position {
  at: string;
  id: string;
}

const positionSchema = z.strictObject({
  v: z.literal(1),
  list: z.string(),
  at: z.string().refine((at) => at === '' || isInstant(at)),
  id: z.uuid(),
});

/** Query parameters that every list has. */
export const listQuery = {
  limit: z.coerce.number().int().min(1).max(limitMax).default(limitDefault),
  cursor: z.string().max(cursorLengthMax).optional(),
};

/** `{data, nextCursor}` in the document. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), nextCursor: z.string().nullable() });
}

/** Names a list under its filters, always given in one order: its cursors fit no other. */
export function listKey(name: string, filters: Record<string, unknown>): string {
  const text = JSON.stringify([name, Object.entries(filters)]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

/** For a list that is sorted by an instant, then id. @throws HttpProblem `invalid-cursor` */
export function readCursor(list: string, cursor: string | undefined): Position | undefined {
  const position = readPosition(list, cursor);
  if (position?.at === '') throw invalidCursor();
  return position;
}

/** The same for a list whose ids are its order. @throws HttpProblem `invalid-cursor` */
export function readIdCursor(list: string, cursor: string | undefined): Position | undefined {
  const position = readPosition(list, cursor);
  return position && { at: '', id: position.id };
}

function readPosition(list: string, cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const position = positionSchema.safeParse(parseJson(cursor));
  if (position.success && position.data.list === list) {
    return { at: position.data.at, id: position.data.id };
  }
  throw invalidCursor();
}

const instantPattern = /^(\d{4,6})-(\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{6}Z$/;

/** An instant as `instantText` writes them, and one of the calendar: the database refuses all others. */
function isInstant(text: string): boolean {
  const [, year, rest] = text.match(instantPattern) ?? [];
  if (year === undefined || Number(year) < 1) return false;
  const instant = new Date(`+${year.padStart(6, '0')}-${rest}Z`);
  // The 30th of February is read as the 2nd of March.
  return !Number.isNaN(instant.getTime()) && instant.toISOString().endsWith(`-${rest}.000Z`);
}

/**
 * Turns up to `limit + 1` rows into a page. The cursor names the last row that was shown, so rows
 * that are inserted meanwhile neither repeat nor hide others.
 */
export function toPage<Row, Item>(
  rows: Row[],
  { list, limit, position }: { list: string; limit: number; position: (row: Row) => Position },
  toItem: (row: Row) => Item,
): { data: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  const nextCursor = more ? writeCursor(list, position(last)) : null;
  return { data: shown.map(toItem), nextCursor };
}

/** A page, newest first, of rows whose ids are time-ordered: the id alone is the sort key. */
export async function pageById<Row extends { id: string }, Item>(
  name: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
  read: (window: ListWindow) => Promise<Row[]>,
  toItem: (row: Row) => Item,
): Promise<{ data: Item[]; nextCursor: string | null }> {
  const list = listKey(name, {});
  const rows = await read({ after: readIdCursor(list, cursor), limit: limit + 1 });
  return toPage(rows, { list, limit, position: ({ id }) => ({ at: '', id }) }, toItem);
}

function writeCursor(list: string, { at, id }: Position): string {
  return Buffer.from(JSON.stringify({ v: 1, list, at, id })).toString('base64url');
}

const chainPositionSchema = z.strictObject({
  v: z.literal(1),
  list: z.string(),
  position: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
});

/** The same for the audit log, whose entries are numbered. @throws HttpProblem `invalid-cursor` */
export function readChainCursor(list: string, cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const place = chainPositionSchema.safeParse(parseJson(cursor));
  if (place.success && place.data.list === list) return place.data.position;
  throw invalidCursor();
}

export function writeChainCursor(list: string, position: number): string {
  return Buffer.from(JSON.stringify({ v: 1, list, position })).toString('base64url');
}

function invalidCursor(): HttpProblem {
  return new HttpProblem(
    'invalid-cursor',
    'Use nextCursor of the page before as it came, with the same filters; leave cursor out to start.',
  );
}

function parseJson(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    // Not a cursor of ours; the schema refuses what is undefined.
    return undefined;
  }
}
