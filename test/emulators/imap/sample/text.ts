import { owner, stepOf, type Talk } from './letter.ts';
import type { Random } from './random.ts';

/** A letter before it is encoded: paragraphs, and what is quoted below them. */
export interface Content {
  paragraphs: readonly string[];
  quote: { intro: string; lines: readonly string[] } | undefined;
}

export function subjectOf(talk: Talk): string {
  const { book, topic, serial } = talk;
  const prefix = stepOf(talk) === 0 ? '' : book.replyPrefix;
  return prefix + fill(topic.subject, serial);
}

export function fill(text: string, serial: number): string {
  return text.replaceAll('{n}', String(serial));
}

/** What the letter says. The draws must be those of the letter, so that a quotation fits. */
export function contentOf(talk: Talk, randomOf: (number: number) => Random): Content {
  const paragraphs = ownWords(talk, randomOf(talk.number));
  const { parent, book } = talk;
  if (!parent) return { paragraphs, quote: undefined };
  const quoted = ownWords(parent, randomOf(parent.number));
  const lines = quoted.flatMap((paragraph) => [...paragraph.split('\n'), '']).slice(0, -1);
  const writer = parent.outbound ? owner.name : parent.person.name;
  return {
    paragraphs,
    quote: { intro: book.quoteIntro(writer, dayOf(parent.date, book.language)), lines },
  };
}

/** Kept, as one is slow to make and there are eight languages. */
const formats = new Map<string, Intl.DateTimeFormat>();

function dayOf(date: number, language: string): string {
  const options = { dateStyle: 'medium', timeZone: 'UTC' } as const;
  const format = formats.get(language) ?? new Intl.DateTimeFormat(language, options);
  formats.set(language, format);
  return format.format(date);
}

function ownWords(talk: Talk, random: Random): string[] {
  const { book, topic, person, outbound, serial } = talk;
  const step = stepOf(talk);
  const [reader, writer] = outbound ? [person, owner] : [owner, person];
  const said =
    step === 0 ? topic.opening : [topic.answers[(step - 1) % topic.answers.length] ?? ''];
  const fillers = Array.from({ length: random.int(3) }, () => random.pick(book.fillers));
  return [
    book.greet(reader.name),
    ...said.map((paragraph) => fill(paragraph, serial)),
    ...new Set(fillers),
    `${random.pick(book.closings)}\n${writer.name}`,
  ];
}

export function asText({ paragraphs, quote }: Content): string {
  const own = `${paragraphs.join('\n\n')}\n`;
  const quoted = quote ? `\n${quote.intro}\n${quote.lines.map((l) => `> ${l}\n`).join('')}` : '';
  return (own + quoted).replaceAll('\n', '\r\n');
}

export function asHtml({ paragraphs, quote }: Content, language: string): string {
  const direction = language === 'ar' ? ' dir="rtl"' : '';
  const body = paragraphs.map((text) => `<p>${escapeHtml(text).replaceAll('\n', '<br>')}</p>`);
  const quoted = quote && [
    `<p>${escapeHtml(quote.intro)}</p>`,
    `<blockquote>${quote.lines.map(escapeHtml).join('<br>\n')}</blockquote>`,
  ];
  return [
    `<!DOCTYPE html>\n<html lang="${language}"${direction}><body>`,
    ...body,
    ...(quoted ?? []),
    '</body></html>\n',
  ]
    .join('\n')
    .replaceAll('\n', '\r\n');
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
