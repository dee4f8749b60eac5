import { structureTokensMax } from './bounds.ts';

/** What stands in the place of a structure that was cut out of its row. */
export const oversized = 'TOO-LARGE';

/** A line of the server before it is parsed: literals stand beside it, their markers in it. */
export interface RawLine {
  payload: Buffer;
  literals: Buffer[];
}

interface Cut {
  start: number;
  end: number;
  literalsBefore: number;
  literals: number;
}

const fetchRow = /^\0*\* +\d+ +FETCH +\(/i;
const headBytes = 64;
const itemName = 'BODYSTRUCTURE';

const [space, quote, open, close, backslash, brace] = Array.from(' "()\\{', (char) =>
  char.charCodeAt(0),
);

/**
 * Cuts structures of more tokens than any mail's out of a FETCH row. How many parts a mail has is its
 * sender's choice (89 kB are ten thousand), and the parser ends the connection over a row that is too
 * much for it: without its structure the row is read, and the connection stays. A line that cannot
 * be made sense of is left to the parser.
 */
export function withoutOversized<T extends RawLine>(line: T): T {
  const { payload, literals } = line;
  // A token takes a byte at least: nearly every row ends here.
  if (payload.length <= structureTokensMax) return line;
  const head = fetchRow.exec(payload.toString('latin1', 0, headBytes));
  if (!head) return line;
  const cuts = findOversized(payload, head[0].length, literals.length);
  if (cuts.length === 0) return line;
  const [texts, kept]: [Buffer[], Buffer[]] = [[], []];
  let [at, literal] = [0, 0];
  for (const cut of cuts) {
    texts.push(payload.subarray(at, cut.start), Buffer.from(oversized));
    kept.push(...literals.slice(literal, cut.literalsBefore));
    at = cut.end;
    literal = cut.literalsBefore + cut.literals;
  }
  texts.push(payload.subarray(at));
  kept.push(...literals.slice(literal));
  return { ...line, payload: Buffer.concat(texts), literals: kept };
}

/** Walks over the list of items and values that begins at `from`, token by token. */
function findOversized(payload: Buffer, from: number, literalsCount: number): Cut[] {
  const cuts: Cut[] = [];
  let [depth, literals, tokens] = [1, 0, 0];
  let structure: { start: number; literalsBefore: number } | undefined;
  let name = '';
  for (let at = from; at < payload.length; tokens += 1) {
    const byte = payload[at];
    if (byte === space) {
      at += 1;
      tokens -= 1;
    } else if (byte === open) {
      if (depth === 1 && name === itemName) {
        structure = { start: at, literalsBefore: literals };
        tokens = 0;
      }
      depth += 1;
      at += 1;
    } else if (byte === close) {
      depth -= 1;
      at += 1;
      tokens -= 1;
      if (depth > 1 || !structure) continue;
      const { start, literalsBefore } = structure;
      if (tokens > structureTokensMax) {
        cuts.push({ start, end: at, literalsBefore, literals: literals - literalsBefore });
      }
      structure = undefined;
    } else {
      const end = endOfToken(payload, at);
      if (byte === brace) literals += 1;
      if (depth === 1) name = nameIn(payload, at, end);
      at = end;
    }
  }
  return depth === 0 && literals === literalsCount ? cuts : [];
}

/** The end of a quoted string, of a literal's marker with its line end, or of an atom. */
function endOfToken(payload: Buffer, from: number): number {
  let at = from + 1;
  if (payload[from] === quote) {
    for (; at < payload.length && payload[at] !== quote; at += 1) {
      if (payload[at] === backslash) at += 1;
    }
    return at + 1;
  }
  if (payload[from] === brace) {
    const end = payload.indexOf('\n', at);
    return end < 0 ? payload.length : end + 1;
  }
  for (; at < payload.length; at += 1) {
    const byte = payload[at];
    if (byte === space || byte === open || byte === close || byte === brace) break;
  }
  return at;
}

function nameIn(payload: Buffer, from: number, end: number): string {
  return end - from === itemName.length ? payload.toString('latin1', from, end).toUpperCase() : '';
}
