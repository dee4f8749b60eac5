import { BadCommand } from './errors.ts';
import type { Part } from './mime.ts';
import type { Scanner } from './scanner.ts';

/** What stands between the brackets of BODY[…] (RFC 3501 §6.4.5). */
export interface Section {
  path: number[];
  kind: '' | 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME';
  fields: string[];
  /** As the client wrote it, which the answer repeats. */
  label: string;
}

const kinds = ['HEADER.FIELDS.NOT', 'HEADER.FIELDS', 'HEADER', 'TEXT', 'MIME'] as const;

/** Reads a section up to its closing bracket. @throws BadCommand */
export function parseSection(args: Scanner): Section {
  const path: number[] = [];
  while (/[1-9]/.test(args.peek())) {
    path.push(args.number());
    if (!args.accept('.')) {
      args.expect(']');
      return { path, kind: '', fields: [], label: path.join('.') };
    }
  }
  const kind = kinds.find((each) => args.accept(each)) ?? '';
  if (kind === '' && path.length > 0) throw new BadCommand('unknown section');
  if (kind === 'MIME' && path.length === 0) throw new BadCommand('MIME needs a part');
  const fields: string[] = [];
  if (kind.startsWith('HEADER.FIELDS')) {
    args.space();
    fields.push(...args.list(args.astring));
  }
  args.expect(']');
  const list = fields.length > 0 ? ` (${fields.join(' ')})` : '';
  return { path, kind, fields, label: [...path, kind].join('.').replace(/\.$/, '') + list };
}

/** The section's bytes as Latin-1 text; undefined when the message has no such part. */
export function readSection(message: Part, { path, kind, fields }: Section): string | undefined {
  const part = findPart(message, path);
  if (!part) return undefined;
  const { text, start, bodyStart, end } = part;
  if (kind === 'MIME') return text.slice(start, bodyStart);
  if (kind === '') return text.slice(path.length === 0 ? start : bodyStart, end);
  // HEADER and TEXT of a part are those of the message that it holds.
  const inner = path.length === 0 ? part : part.message;
  if (!inner) return undefined;
  if (kind === 'TEXT') return text.slice(inner.bodyStart, inner.end);
  if (kind === 'HEADER') return text.slice(inner.start, inner.bodyStart);
  const wanted = new Set(fields.map((name) => name.toLowerCase()));
  const keep = kind === 'HEADER.FIELDS';
  const chosen = inner.fields.filter(({ name }) => wanted.has(name) === keep);
  return `${chosen.map(({ source }) => source).join('')}\r\n`;
}

/** Part 1 of what is no multipart is its body itself. */
function findPart(message: Part, path: readonly number[]): Part | undefined {
  let part: Part | undefined = message;
  let holder: Part | undefined = message;
  for (const n of path) {
    const around: Part | undefined = holder;
    if (!around) return undefined;
    if (around.type === 'multipart') part = around.children[n - 1];
    else part = n === 1 ? around : undefined;
    if (!part) return undefined;
    if (part.message) holder = part.message;
    else holder = part.type === 'multipart' && part !== around ? part : undefined;
  }
  return part;
}
