/** A part of a message's text, or its headers, that a client asked a server for. */
export interface Section {
  folder: string;
  uid: number;
  section: string;
}

/** The same for the same section of the same message. */
export const keyOf = ({ folder, uid, section }: Section): string => `${folder} ${uid} ${section}`;

/** What a raw log says was asked for: each section of each message of every `UID FETCH`. */
export function askedSections(log: string): Section[] {
  const asked: Section[] = [];
  let folder = '';
  for (const line of log.split('\r\n')) {
    const opened = /^(?:[\d.]+ )?\w+ (?:SELECT|EXAMINE) "?([^"]*?)"?(?: \(.*)?$/.exec(line);
    if (opened) folder = decodeName(opened[1]!);
    const fetch = /^(?:[\d.]+ )?\w+ UID FETCH ([\d:,]+) (.*)$/.exec(line);
    if (!fetch) continue;
    const items = fetch[2]!;
    const pattern = /(?:BODY|BINARY)(?:\.PEEK)?\[([^\]]*)\]/g;
    const sections = Array.from(items.matchAll(pattern), ([, section = '']) => section);
    if (/RFC822(?!\.SIZE)/.test(items)) sections.push('RFC822');
    for (const uid of uidsOf(fetch[1]!)) {
      for (const section of sections) asked.push({ folder, uid, section });
    }
  }
  return asked;
}

function uidsOf(set: string): number[] {
  return set.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split(':').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Modified UTF-7 (RFC 3501 §5.1.3). */
function decodeName(name: string): string {
  return name.replace(/&([^-]*)-/g, (_, run: string) =>
    run === '' ? '&' : Buffer.from(run.replaceAll(',', '/'), 'base64').swap16().toString('utf16le'),
  );
}
