const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** A string: quoted where it may be, else a literal. Takes Latin-1 text of the bytes. */
export function formatString(text: string): string {
  if (/^[\u0020-\u007e]*$/.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`;
  return formatLiteral(text);
}

export function formatLiteral(text: string): string {
  return `{${text.length}}\r\n${text}`;
}

export function formatNil(text: string | undefined): string {
  return text === undefined ? 'NIL' : formatString(text);
}

export function formatFlags(flags: Iterable<string>): string {
  return `(${[...flags].join(' ')})`;
}

/** INTERNALDATE, in UTC. */
export function formatDateTime(date: Date): string {
  const two = (n: number, fill = '0') => String(n).padStart(2, fill);
  const day = `${two(date.getUTCDate(), ' ')}-${months[date.getUTCMonth()]}-${date.getUTCFullYear()}`;
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map((n) => two(n));
  return `"${day} ${time.join(':')} +0000"`;
}

/** Milliseconds of a day like `7-Nov-2026`, in UTC; undefined when it is none. */
export function parseDay(text: string): number | undefined {
  const match = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text);
  const month = months.findIndex((name) => name.toLowerCase() === match?.[2]?.toLowerCase());
  if (!match || month < 0) return undefined;
  return Date.UTC(Number(match[3]), month, Number(match[1]));
}

/** A date-time of APPEND (RFC 3501 §9); undefined when it is none. */
export function parseDateTime(text: string): Date | undefined {
  const match = /^([ \d]\d)(-\w{3}-\d{4}) (\d\d:\d\d:\d\d) ([+-])(\d\d)(\d\d)$/.exec(text);
  if (!match) return undefined;
  const day = parseDay(match[1]!.trim() + match[2]!);
  const time = Date.parse(`1970-01-01T${match[3]}Z`);
  if (day === undefined || Number.isNaN(time)) return undefined;
  const zoneMs = (Number(match[5]) * 60 + Number(match[6])) * 60_000;
  return new Date(day + time - (match[4] === '-' ? -zoneMs : zoneMs));
}
