/** A part of a message; the text is the message's bytes as Latin-1, offsets point into it. */
export interface Part {
  readonly text: string;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
  readonly fields: readonly Field[];
  readonly type: string;
  readonly subtype: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** Parts of a multipart. */
  readonly children: readonly Part[];
  /** The message inside a message/rfc822 part. */
  readonly message: Part | undefined;
}

export interface Field {
  /** In lower case. */
  readonly name: string;
  /** Unfolded. */
  readonly value: string;
  /** As it stands in the message, with its CRLF. */
  readonly source: string;
}

/** Splits a message into its parts (RFC 2046). */
export function parseMessage(raw: Buffer): Part {
  const text = raw.toString('latin1');
  return parsePart(text, 0, text.length, 'text/plain');
}

export function fieldOf({ fields }: Part, name: string): string | undefined {
  return fields.find((field) => field.name === name)?.value;
}

/** A value with parameters, like Content-Type's: `text/plain; charset=utf-8`. */
export function parseParameters(value: string): { value: string; parameters: Map<string, string> } {
  const parameters = new Map<string, string>();
  const [main = ''] = value.split(';');
  for (const match of value.matchAll(/;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))/g)) {
    const [, name = '', quoted, token = ''] = match;
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token);
  }
  return { value: main.trim(), parameters };
}

function parsePart(text: string, start: number, end: number, typeDefault: string): Part {
  const blank = text.startsWith('\r\n', start) ? start - 2 : text.indexOf('\r\n\r\n', start);
  const hasBody = blank >= start - 2 && blank + 4 <= end;
  const bodyStart = hasBody ? blank + 4 : end;
  const fields = parseFields(text.slice(start, hasBody ? blank + 2 : end));
  const given = fields.find(({ name }) => name === 'content-type')?.value;
  const { value, parameters } = parseParameters(given ?? typeDefault);
  const [type = 'text', subtype = 'plain'] = value.toLowerCase().split('/');
  const boundary = parameters.get('boundary');
  const isMultipart = type === 'multipart' && boundary !== undefined;
  const childDefault = subtype === 'digest' ? 'message/rfc822' : 'text/plain';
  return {
    ...{ text, start, bodyStart, end, fields, type, subtype, parameters },
    children: isMultipart
      ? split(text, bodyStart, end, boundary).map(([from, to]) =>
          parsePart(text, from, to, childDefault),
        )
      : [],
    message:
      type === 'message' && subtype === 'rfc822'
        ? parsePart(text, bodyStart, end, 'text/plain')
        : undefined,
  };
}

function parseFields(header: string): Field[] {
  return [...header.matchAll(/([^\s:]+)[ \t]*:((?:.*)(?:\r\n[ \t].*)*)(?:\r\n|$)/gy)].map(
    ([source, name = '', value = '']) => ({
      source,
      name: name.toLowerCase(),
      value: value.replace(/\r\n(?=[ \t])/g, '').trim(),
    }),
  );
}

/** Where the parts between the delimiter lines begin and end. */
function split(text: string, from: number, to: number, boundary: string): [number, number][] {
  const body = `\r\n${text.slice(from, to)}`;
  const escaped = boundary.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const delimiter = new RegExp(`\\r\\n--${escaped}(--)?[ \\t]*(?=\\r\\n|$)`, 'g');
  const ranges: [number, number][] = [];
  let begin: number | undefined;
  for (const match of body.matchAll(delimiter)) {
    const at = from + match.index - 2;
    if (begin !== undefined) ranges.push([begin, Math.max(at, begin)]);
    begin = match[1] ? undefined : at + match[0].length + 2;
    if (match[1]) break;
  }
  if (begin !== undefined) ranges.push([begin, Math.max(to, begin)]);
  return ranges;
}
