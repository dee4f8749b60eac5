import type { Person } from './phrasebook.ts';
import type { Random } from './random.ts';
import { escapeHtml } from './text.ts';

/** A newsletter, or a sender of junk. */
interface Publisher {
  sender: Person;
  language: string;
  /** Without one it is junk, which names no list. */
  list?: string;
  subjects: readonly string[];
  items: readonly string[];
}

const newsletters: readonly Publisher[] = [
  {
    sender: { name: 'The Harbour Letter', address: 'letter@harbour-letter.example' },
    language: 'en',
    list: 'weekly.harbour-letter.example',
    subjects: ['What moved this week – no. {n}', 'Five things worth your time, no. {n}'],
    items: [
      'Freight rates fell for the third week, and smaller ports are the first to notice.',
      'A joinery in Leeds explains how it quotes in an hour what used to take a day.',
      'The new accessibility rules, summed up on one page.',
      'Readers ask: when is a contact a customer?',
    ],
  },
  {
    sender: { name: 'Handwerk & Büro', address: 'redaktion@handwerk-buero.example' },
    language: 'de',
    list: 'newsletter.handwerk-buero.example',
    subjects: ['Ausgabe {n}: Fördermittel für kleine Betriebe', 'Ausgabe {n}: Was sich ändert'],
    items: [
      'Die elektronische Rechnung wird Pflicht: was Sie bis zum Jahreswechsel erledigen müssen.',
      'Drei Betriebe erzählen, wie sie Anfragen künftig am selben Tag beantworten.',
      'Neue Fördersätze für Wärmepumpen – die Übersicht.',
    ],
  },
  {
    sender: { name: 'Kabar Usaha', address: 'info@kabar-usaha.test' },
    language: 'id',
    list: 'kabar.kabar-usaha.test',
    subjects: ['Kabar Usaha edisi {n}', 'Peluang ekspor minggu ini ({n})'],
    items: [
      'Permintaan kopi dari Eropa naik, petani Gayo menambah lahan.',
      'Tips menjawab pelanggan dengan cepat tanpa menambah pegawai.',
      'Pameran dagang Surabaya dibuka bulan depan.',
    ],
  },
];

const junk: readonly Publisher[] = [
  {
    sender: { name: 'PRIZE OFFICE', address: 'winner@prize-office.test' },
    language: 'en',
    subjects: ['You have been selected ({n})', 'FINAL NOTICE: parcel {n} is waiting'],
    items: ['Dear winner, your reference is ready.', 'Reply within 24 hours to claim it!!!'],
  },
];

export interface BulkContent extends Pick<Publisher, 'sender' | 'language' | 'list'> {
  subject: string;
  text: string;
  html: string;
}

/** One issue: what its reader sees. */
export function bulkOf(random: Random, kind: 'newsletter' | 'junk', issue: number): BulkContent {
  const { subjects, items, ...publisher } = random.pick(kind === 'junk' ? junk : newsletters);
  const subject = random.pick(subjects).replace('{n}', String(issue));
  const from = random.int(items.length);
  const chosen = [...items.slice(from), ...items.slice(0, from)].slice(0, 3);
  const paragraphs = chosen.map((item) => `<h2>${escapeHtml(item)}</h2>\r\n<p>&hellip;</p>`);
  return {
    ...{ ...publisher, subject },
    text: `${subject}\r\n\r\n${chosen.map((item) => `* ${item}\r\n`).join('')}`,
    html: [
      `<!DOCTYPE html>\r\n<html lang="${publisher.language}"><head><style>`,
      'body { font-family: sans-serif; max-width: 40em; margin: auto }',
      `</style></head><body>\r\n<h1>${escapeHtml(subject)}</h1>`,
      ...paragraphs,
      `<p><small>${escapeHtml(publisher.sender.name)}</small></p>\r\n</body></html>\r\n`,
    ].join('\r\n'),
  };
}
