import { formatNil, formatString } from './format.ts';
import { fieldOf, parseParameters, type Part } from './mime.ts';

/** BODYSTRUCTURE with its extension data, or BODY without (RFC 3501 §7.4.2). */
export function formatStructure(part: Part, extended: boolean): string {
  const disposition = extended ? ` ${formatDisposition(part)} NIL NIL` : '';
  if (part.children.length > 0) {
    const children = part.children.map((child) => formatStructure(child, extended)).join('');
    const tail = extended ? ` ${formatParameters(part.parameters)}${disposition}` : '';
    return `(${children} ${formatString(part.subtype)}${tail})`;
  }
  // A multipart without parts has no form of its own here.
  const [type, subtype] = part.type === 'multipart' ? ['text', 'plain'] : [part.type, part.subtype];
  const body = part.text.slice(part.bodyStart, part.end);
  const fields = [
    formatString(type),
    formatString(subtype),
    formatParameters(part.parameters),
    formatNil(fieldOf(part, 'content-id')),
    formatNil(fieldOf(part, 'content-description')),
    formatString(fieldOf(part, 'content-transfer-encoding') ?? '7bit'),
    String(body.length),
  ];
  if (part.message) {
    fields.push(formatEnvelope(part.message), formatStructure(part.message, extended));
  }
  if (part.message || type === 'text') fields.push(String(body.split('\r\n').length - 1));
  const tail = extended ? ` ${formatNil(fieldOf(part, 'content-md5'))}${disposition}` : '';
  return `(${fields.join(' ')}${tail})`;
}

/** ENVELOPE; Sender and Reply-To default to From (RFC 3501 §7.4.2). */
export function formatEnvelope(part: Part): string {
  const from = formatAddresses(fieldOf(part, 'from'));
  const orFrom = (name: string) => {
    const field = fieldOf(part, name);
    return field === undefined ? from : formatAddresses(field);
  };
  const fields = [
    formatNil(fieldOf(part, 'date')),
    formatNil(fieldOf(part, 'subject')),
    from,
    orFrom('sender'),
    orFrom('reply-to'),
    ...['to', 'cc', 'bcc'].map((name) => formatAddresses(fieldOf(part, name))),
    formatNil(fieldOf(part, 'in-reply-to')),
    formatNil(fieldOf(part, 'message-id')),
  ];
  return `(${fields.join(' ')})`;
}

function formatDisposition(part: Part): string {
  const field = fieldOf(part, 'content-disposition');
  if (field === undefined) return 'NIL';
  const { value, parameters } = parseParameters(field);
  return `(${formatString(value)} ${formatParameters(parameters)})`;
}

function formatParameters(parameters: ReadonlyMap<string, string>): string {
  if (parameters.size === 0) return 'NIL';
  return `(${[...parameters].flat().map(formatString).join(' ')})`;
}

/** Mailboxes of RFC 5322 §3.4 as people write them: with or without a name, comma-separated. */
function formatAddresses(field: string | undefined): string {
  const addresses: string[] = [];
  const pattern = /\s*((?:"(?:[^"\\]|\\.)*"|[^",<])*)(?:<([^>]*)>)?\s*(?:,|$)/g;
  for (const [whole, text = '', bracketed] of (field ?? '').matchAll(pattern)) {
    if (whole.trim() === '' || whole.trim() === ',') continue;
    const name = bracketed === undefined ? '' : text.trim().replace(/^"(.*)"$/, '$1');
    const address = (bracketed ?? text).trim();
    const at = address.lastIndexOf('@');
    const [local, host] = at < 0 ? [address, ''] : [address.slice(0, at), address.slice(at + 1)];
    const shown = name === '' ? 'NIL' : formatString(name.replace(/\\(.)/g, '$1'));
    addresses.push(`(${shown} NIL ${formatString(local)} ${formatString(host)})`);
  }
  return addresses.length === 0 ? 'NIL' : `(${addresses.join('')})`;
}
