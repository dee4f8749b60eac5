import { bulkOf } from './bulk.ts';
import { encodeHeader, formatDate, formatPerson } from './header.ts';
import { type Bulk, type Letter, owner, stepOf, type Talk } from './letter.ts';
import { attachment, forwarded, multipart, type Part, textPart } from './parts.ts';
import type { Charset } from './phrasebook.ts';
import { createRandom, type Random } from './random.ts';
import { asHtml, asText, contentOf, fill, subjectOf } from './text.ts';

/** Words and form of a message draw apart, so that a quotation finds the same words again. */
const wordsSalt = 7;
const formSalt = 11;
const zones: Readonly<Record<string, number>> = { ja: 9, id: 7, de: 1, fr: 1, es: 1, ar: 3, ru: 3 };
const latinLanguages = new Set(['en', 'de', 'id', 'fr', 'es']);

/** The source of a letter: the same bytes each time. */
export function renderLetter(seed: number, letter: Letter): Buffer {
  const random = createRandom(seed, formSalt, letter.number);
  const randomOf = (number: number) => createRandom(seed, wordsSalt, number);
  const lines =
    letter.kind === 'talk'
      ? renderTalk(seed, letter, random, randomOf)
      : renderBulk(letter, random, randomOf(letter.number));
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

function renderTalk(
  seed: number,
  talk: Talk,
  random: Random,
  randomOf: (number: number) => Random,
): string[] {
  const { book, person, outbound, date, parent, third } = talk;
  const charset = random.pick(book.charsets);
  const style = latinLanguages.has(book.language) && random.chance(0.5) ? 'Q' : 'B';
  const [from, to] = outbound ? [owner, person] : [person, owner];
  const zone = outbound ? 0 : (zones[book.language] ?? 0);
  const references = ancestorsOf(talk).map(messageId);
  const content = contentOf(talk, randomOf);
  return [
    ...(outbound ? [] : received(talk, from.address)),
    `From: ${formatPerson(from, charset)}`,
    `To: ${formatPerson(to, charset)}`,
    ...(third ? [`Cc: ${formatPerson(third, charset)}`] : []),
    `Subject: ${encodeHeader(subjectOf(talk), charset, style)}`,
    `Date: ${formatDate(date, zone)}`,
    `Message-ID: ${messageId(talk)}`,
    ...(parent ? [`In-Reply-To: ${messageId(parent)}`] : []),
    ...(parent ? [`References: ${references.join('\r\n ')}`] : []),
    'MIME-Version: 1.0',
    bodyOf(seed, talk, { charset, random, content }),
  ];
}

interface BodyDraw {
  charset: Charset;
  random: Random;
  content: ReturnType<typeof contentOf>;
}

/** Plain text, often with an HTML twin, now and then with a file or a forwarded message. */
function bodyOf(seed: number, talk: Talk, { charset, random, content }: BodyDraw): Part {
  const { topic, parent, book, number, serial } = talk;
  const form = { charset, rare: random.chance(0.25) };
  const plain = textPart(asText(content), 'plain', form);
  const html = textPart(asHtml(content, book.language), 'html', form);
  const text = random.chance(0.45)
    ? multipart('alternative', `alternative-${number}`, [plain, html])
    : plain;
  const files: Part[] = [];
  if (topic.file !== undefined && (parent === undefined || random.chance(0.1))) {
    files.push(attachment(fill(topic.file, serial), serial));
  }
  if (parent !== undefined && random.chance(0.03))
    files.push(forwarded(renderLetter(seed, parent)));
  return files.length === 0 ? text : multipart('mixed', `mixed-${number}`, [text, ...files]);
}

function renderBulk(letter: Bulk, random: Random, words: Random): string[] {
  const { sender, language, list, subject, text, html } = bulkOf(words, letter.kind, letter.issue);
  const form = { charset: 'utf-8', rare: random.chance(0.2) } as const;
  const domain = sender.address.slice(sender.address.indexOf('@') + 1);
  const parts = [textPart(text, 'plain', form), textPart(html, 'html', form)];
  return [
    ...received(letter, `bounce-${letter.issue}@${domain}`),
    `From: ${formatPerson(sender, 'utf-8')}`,
    `To: <${owner.address}>`,
    `Subject: ${encodeHeader(subject, 'utf-8', 'Q')}`,
    `Date: ${formatDate(letter.date, zones[language] ?? 0)}`,
    `Message-ID: <issue-${letter.number}@${domain}>`,
    ...(list === undefined
      ? []
      : [
          `List-Id: ${formatPerson({ ...sender, address: list }, 'utf-8')}`,
          `List-Unsubscribe: <https://${domain}/leave/${letter.issue}>`,
          'Precedence: bulk',
        ]),
    'MIME-Version: 1.0',
    multipart('alternative', `issue-${letter.number}`, parts),
  ];
}

function received({ date, number }: Letter, sender: string): string[] {
  const domain = sender.slice(sender.indexOf('@') + 1);
  return [
    `Return-Path: <${sender}>`,
    `Received: from mx.${domain} (mx.${domain} [192.0.2.${1 + (number % 250)}])`,
    `\tby mail.sample.example with ESMTPS id ${number.toString(36)}; ${formatDate(date, 0)}`,
    `Delivered-To: ${owner.address}`,
  ];
}

/** From the first message of the thread to the one before this. */
function ancestorsOf({ parent }: Talk): Talk[] {
  return parent === undefined ? [] : [...ancestorsOf(parent), parent];
}

function messageId(talk: Talk): string {
  const { address } = talk.outbound ? owner : talk.person;
  return `<${talk.serial}.${talk.number}.${stepOf(talk)}${address.slice(address.indexOf('@'))}>`;
}
