import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ownByMailUser } from './dovecot.ts';

export interface MaildirOptions {
  maildir: string;
  messages: number;
  folders: number;
  /** Of the folders, the first `folders` of them; names of every kind unless given. */
  names?: readonly string[];
  seed: number;
  /** `usual`: 9 KB a message, a quarter of it text. `text`: no attachments, 2.5 KB. */
  mix: 'usual' | 'text';
}

const namesOfEveryKind = [
  'INBOX',
  'Sent',
  'Drafts',
  'Projekte',
  'Projekte.Büro',
  'Projekte.Büro.Angebote & Verträge',
  '請求書',
  'Архив',
  'Archive',
  'Archive.2025',
  'Lists',
  'Trash',
];

const sentences = [
  'Thank you for the quick reply, the figures look right to us.',
  'Könnten wir den Termin auf nächste Woche Dienstag verschieben?',
  'Terima kasih, dokumen sudah kami terima dengan baik.',
  'お見積書を添付いたしますので、ご確認ください。',
  'Nous vous remercions de votre commande et restons à votre écoute.',
  'Счёт оплачен, груз выехал сегодня утром.',
  'The second paragraph of the contract needs one more change.',
  'See the plan below; questions are welcome until Friday.',
];

const latinSentences = sentences.filter(
  (text) => Buffer.from(text, 'latin1').toString('latin1') === text,
);

/** However many there are, none comes from the future: it would stand above new mail for good. */
const spanSeconds = 600 * 24 * 3_600;

/** Writes a Maildir++ account with UTF-8 folder names: the same seed writes the same mailbox. */
export function generateMaildir(options: MaildirOptions): void {
  const { maildir, messages, seed, mix, names = namesOfEveryKind } = options;
  const random = createRandom(seed);
  const chosen = names.slice(0, options.folders);
  for (const name of chosen) {
    for (const part of ['cur', 'new', 'tmp']) {
      mkdirSync(path.join(folderPath(maildir, name), part), { recursive: true });
    }
  }
  const started = Date.UTC(2025, 0, 1) / 1_000;
  const secondsBetween = Math.max(1, Math.min(600, Math.floor(spanSeconds / messages)));
  for (let i = 0; i < messages; i += 1) {
    const name = chosen[Math.floor(random() ** 2 * chosen.length)]!;
    const seconds = started + i * secondsBetween;
    const flags = `${random() < 0.1 ? 'F' : ''}${random() < 0.2 ? 'R' : ''}${random() < 0.8 ? 'S' : ''}`;
    const file = path.join(folderPath(maildir, name), 'cur', `${seconds}.M${i}.steward:2,${flags}`);
    writeFileSync(file, renderMessage(i, seconds, mix, random));
    utimesSync(file, seconds, seconds);
  }
  ownByMailUser(maildir);
}

function folderPath(maildir: string, name: string): string {
  return name === 'INBOX' ? maildir : path.join(maildir, `.${name}`);
}

type Random = () => number;

/** A small seeded generator (mulberry32): repeatable, and good enough for test data. */
function createRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function renderMessage(i: number, seconds: number, mix: 'usual' | 'text', random: Random): Buffer {
  const parent = i > 10 && random() < 0.4 ? i - 1 - Math.floor(random() * 10) : undefined;
  const head = [
    `Return-Path: <sender${i % 97}@example.org>`,
    `Received: from mx.example.org (mx.example.org [192.0.2.7]) by mail.example.com; ${date(seconds)}`,
    `From: =?utf-8?q?Send=C3=A9r_${i % 97}?= <sender${i % 97}@example.org>`,
    `To: "Doe, Jane" <jane@example.com>, team${i % 5}@example.com`,
    `Subject: =?utf-8?q?Nachricht_=C3=BCber_${i}?= and more`,
    `Date: ${date(seconds)}`,
    `Message-ID: <m${i}@example.org>`,
    ...(parent === undefined ? [] : [`In-Reply-To: <m${parent}@example.org>`]),
    ...(parent === undefined ? [] : [`References: <m${parent}@example.org>`]),
    'MIME-Version: 1.0',
  ].join('\r\n');
  const body = mix === 'usual' ? mixedBody(i, random) : textPart(random, 2_000);
  return Buffer.from(`${head}\r\n${body}`, 'latin1');
}

const date = (seconds: number) => new Date(seconds * 1_000).toUTCString().replace('GMT', '+0000');

/** Text with an HTML twin in a third of the messages, and an attachment that nobody asks for. */
function mixedBody(i: number, random: Random): string {
  const outer = `outer-${i}`;
  const content =
    i % 3 === 0
      ? [
          `Content-Type: multipart/alternative; boundary="inner-${i}"\r\n`,
          `--inner-${i}\r\n${textPart(random, 900)}`,
          `--inner-${i}\r\n${textPart(random, 1_300, 'html')}`,
          `--inner-${i}--\r\n`,
        ].join('\r\n')
      : textPart(random, 2_200);
  const bytes = Buffer.alloc(4_900, i % 251)
    .toString('base64')
    .replace(/(.{76})/g, '$1\r\n');
  return [
    `Content-Type: multipart/mixed; boundary="${outer}"\r\n`,
    `--${outer}\r\n${content}`,
    `--${outer}`,
    `Content-Type: application/pdf; name="file-${i}.pdf"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="file-${i}.pdf"\r\n`,
    bytes,
    `--${outer}--\r\n`,
  ].join('\r\n');
}

/** One text leaf in one of the usual charsets and encodings, as Latin-1 text of its bytes. */
function textPart(random: Random, bytes: number, subtype = 'plain'): string {
  const latin = random() < 0.25;
  const charset = latin ? 'iso-8859-1' : 'utf-8';
  const source = latin ? latinSentences : sentences;
  let text = '';
  while (text.length < bytes * 0.8) {
    text += `${source[Math.floor(random() * source.length)]}\r\n`;
  }
  const raw = Buffer.from(text, latin ? 'latin1' : 'utf8');
  const kind = random();
  const [encoding, content] =
    kind < 0.4
      ? ['quoted-printable', quotedPrintable(raw)]
      : kind < 0.6
        ? ['base64', raw.toString('base64').replace(/(.{76})/g, '$1\r\n')]
        : ['8bit', raw.toString('latin1')];
  const head = [
    `Content-Type: text/${subtype}; charset=${charset}`,
    `Content-Transfer-Encoding: ${encoding}\r\n`,
  ];
  return [...head, content].join('\r\n');
}

function quotedPrintable(raw: Buffer): string {
  let line = '';
  let out = '';
  for (const byte of raw) {
    if (byte === 0x0a) {
      out += `${line}\r\n`;
      line = '';
    } else if (byte !== 0x0d) {
      const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x3d;
      line += plain
        ? String.fromCharCode(byte)
        : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
      if (line.length > 70) {
        out += `${line}=\r\n`;
        line = '';
      }
    }
  }
  return out + line;
}
