import { dayMs } from '../../../../domain/clock.ts';
import type { Bulk, Talk } from './letter.ts';
import { phrasebooks } from './phrasebook.ts';
import type { Random } from './random.ts';

/** The folders of the account, and what they are for. */
export const sampleFolders: readonly (readonly [name: string, specialUse?: string])[] = [
  ['Sent', '\\Sent'],
  ['Drafts', '\\Drafts'],
  ['Archive', '\\Archive'],
  ['Archive/2024'],
  ['Archive/2025'],
  ['Junk', '\\Junk'],
  ['Trash', '\\Trash'],
  ['Newsletters'],
  ['Projekte/Büro Köln'],
  ['Équipe/Réunions'],
  ['Keluarga & Teman'],
  ['請求書'],
];

/** The first message of a conversation, or the answer to one. */
export function drawTalk(random: Random, parent: Talk | undefined, date: number): Talk {
  const unplaced = { number: 0, folder: 'INBOX', flags: [], date };
  if (parent !== undefined) {
    return { ...parent, ...unplaced, parent, outbound: !parent.outbound };
  }
  const book = random.pick(phrasebooks);
  const person = random.pick(book.people);
  const other = random.pick(book.people);
  return {
    ...unplaced,
    ...{ kind: 'talk', book, person, parent },
    topic: random.pick(book.topics),
    third: other !== person && random.chance(0.2) ? other : undefined,
    serial: 1_000 + random.int(9_000),
    outbound: random.chance(0.12),
  };
}

export function drawBulk(random: Random, date: number, until: number): Bulk {
  const junk = random.chance(0.15);
  const old = until - date > 30 * dayMs;
  const place = random.next();
  const filed = place < 0.6 ? 'Newsletters' : place < 0.7 && old ? 'Trash' : 'INBOX';
  return {
    ...{ number: 0, kind: junk ? 'junk' : 'newsletter', date },
    folder: junk ? 'Junk' : filed,
    flags: random.chance(junk ? 0.1 : 0.6) ? ['\\Seen'] : [],
    issue: random.int(10_000),
  };
}

/** Where the owner keeps the incoming part of a conversation. */
export function folderOf(random: Random, { book, topic, date }: Talk, age: number): string {
  const { language } = book;
  if (language === 'ja' && topic === book.topics[0]) return '請求書';
  if (language === 'de' && random.chance(0.5)) return 'Projekte/Büro Köln';
  if (language === 'fr' && topic === book.topics[0]) return 'Équipe/Réunions';
  if (language === 'id' && random.chance(0.25)) return 'Keluarga & Teman';
  if (age < 240 * dayMs || random.chance(0.3)) return 'INBOX';
  const yearly = `Archive/${new Date(date).getUTCFullYear()}`;
  return sampleFolders.some(([name]) => name === yearly) ? yearly : 'Archive';
}
