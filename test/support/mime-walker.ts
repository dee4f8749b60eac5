/**
 * A second reading of MIME for the tests: recursive over the source, by regular expressions and the
 * platform's own decoders, so that it shares no line with what it checks.
 */
export function readTextLeaves(source: Uint8Array): { plain: string[]; html: string[] } {
  const leaves = { plain: [] as string[], html: [] as string[] };
  walk(Buffer.from(source).toString('latin1'), leaves);
  return leaves;
}

function walk(source: string, leaves: { plain: string[]; html: string[] }): void {
  const gap = source.search(/\r?\n\r?\n/);
  const head = (gap < 0 ? source : source.slice(0, gap)).replace(/\r?\n[ \t]+/g, ' ');
  const body = gap < 0 ? '' : source.slice(gap).replace(/^\r?\n\r?\n/, '');
  const type = header(head, 'content-type') || 'text/plain; charset=us-ascii';
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1];
  if (/^multipart\//i.test(type) && boundary !== undefined) {
    const escaped = boundary.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    const parts = body.split(new RegExp(`(?:^|\\r?\\n)--${escaped}(?:--)?[ \\t]*(?=\\r?\\n|$)`));
    for (const part of parts.slice(1, -1)) walk(part.replace(/^\r?\n/, ''), leaves);
    return;
  }
  const disposition = header(head, 'content-disposition');
  if (/^attachment/i.test(disposition) || /name\*?\d*\*?=/i.test(`${disposition};${type}`)) return;
  const kind = /^text\/(plain|html)\b/i.exec(type)?.[1]?.toLowerCase();
  if (kind !== 'plain' && kind !== 'html') return;
  const charset = /charset="?([^";\s]+)"?/i.exec(type)?.[1] ?? 'utf-8';
  leaves[kind].push(decode(body, header(head, 'content-transfer-encoding'), charset));
}

function header(head: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(head)?.[1]?.trim() ?? '';
}

function decode(body: string, encoding: string, charset: string): string {
  const bytes = /base64/i.test(encoding)
    ? Buffer.from(body, 'base64')
    : Buffer.from(/quoted/i.test(encoding) ? unquote(body) : body, 'latin1');
  return new TextDecoder(charset).decode(bytes).replaceAll('\r\n', '\n');
}

function unquote(body: string): string {
  return body
    .replace(/[ \t]+(?=\r?\n)/g, '')
    .replace(/=\r?\n/g, '')
    .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
