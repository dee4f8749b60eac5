import iconv from 'iconv-lite';
import type { Random } from '../emulators/imap/sample/random.ts';

/** A message that the other client brings, with what tells it from all others. */
export interface Letter {
  token: string;
  source: Buffer;
  date: Date;
  flags: string[];
}

/** The header by which a test recognises a letter wherever it lies; copies share it. */
export const tokenHeader = 'X-Stream-Token';

/** Reads the token out of a header block. */
export function readToken(headers: Buffer | undefined): string | undefined {
  return new RegExp(`^${tokenHeader}:\\s*(\\d+)`, 'im').exec(headers?.toString() ?? '')?.[1];
}

const charsets = [
  ['us-ascii', 'Thank you, the figures look right to us.'],
  ['utf-8', 'Könnten wir den Termin verschieben? 日程を変更できますか。'],
  ['iso-8859-1', 'Nous vous remercions, à bientôt. Grüße aus Köln.'],
  ['windows-1251', 'Счёт оплачен, груз выехал сегодня утром.'],
  ['koi8-r', 'Договор подписан, оригинал в пути.'],
  ['shift_jis', 'お見積書を添付いたしますので、ご確認ください。'],
  ['gb18030', '合同已经签署，请查收附件。'],
  ['euc-kr', '회의 시간을 변경할 수 있을까요?'],
] as const;

const shapes = ['plain', 'alternative', 'attachments', 'forwarded', 'empty', 'bare'] as const;

const firstDateMs = Date.UTC(2026, 0, 5, 8);
const minuteMs = 60_000;

export interface Letters {
  next(): Letter;
  /** The letter of before once more: same bytes, same date, as a double delivery brings it. */
  again(): Letter;
  /** Tokens of letters that have lain in two places at once. */
  readonly copied: Set<string>;
}

/** Writes letters of every kind; the same draws write the same letters. */
export function createLetters(random: Random): Letters {
  let number = 0;
  let last: Letter | undefined;
  const next = (): Letter => {
    number += 1;
    const date = new Date(firstDateMs + number * minuteMs);
    const source = render(number, date, random);
    last = { token: String(number), source, date, flags: drawFlags(random) };
    return last;
  };
  const copied = new Set<string>();
  const again = (): Letter => {
    const letter = last ?? next();
    copied.add(letter.token);
    return letter;
  };
  return { next, again, copied };
}

function drawFlags(random: Random): string[] {
  const chosen = ['\\Seen', '\\Flagged', '\\Answered', '$Label1'].filter(() => random.chance(0.3));
  return random.chance(0.05) ? [...chosen, '\\Draft'] : chosen;
}

function render(number: number, date: Date, random: Random): Buffer {
  const parent = random.int(Math.max(number - 1, 1)) + 1;
  const head = [
    `From: Sender ${number % 23} <sender${number % 23}@example.org>`,
    ...(random.chance(0.95) ? [`To: jane@example.com, team${number % 5}@example.com`] : []),
    `Subject: =?utf-8?q?Nachricht_=C3=BCber_${number}?=`,
    `Date: ${date.toUTCString().replace('GMT', '+0000')}`,
    ...messageIdOf(number, parent, random),
    ...(random.chance(0.4) ? [`References: <letter-${parent}@example.org>`] : []),
    `${tokenHeader}: ${number}`,
    'MIME-Version: 1.0',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n`), bodyOf(number, random)]);
}

/** Some senders leave the Message-ID out, and some use one twice. */
function messageIdOf(number: number, other: number, random: Random): string[] {
  if (random.chance(0.1)) return [];
  return [`Message-ID: <letter-${random.chance(0.05) ? other : number}@example.org>`];
}

function bodyOf(number: number, random: Random): Buffer {
  switch (random.pick(shapes)) {
    case 'plain':
      return textPart(random, 'plain');
    case 'alternative':
      return multipart('alternative', number, [
        textPart(random, 'plain'),
        textPart(random, 'html'),
      ]);
    case 'attachments': {
      const file = attachment('application/pdf; name="plan.pdf"', Buffer.alloc(600, number % 251));
      const note = attachment('text/plain; name="note.txt"', Buffer.from('not a part of the text'));
      return multipart('mixed', number, [textPart(random, 'plain'), file, note]);
    }
    case 'forwarded': {
      const inner = Buffer.from('Subject: inner\r\n\r\nnot a part of the text\r\n');
      const head = Buffer.from('Content-Type: message/rfc822\r\n\r\n');
      return multipart('mixed', number, [textPart(random, 'plain'), Buffer.concat([head, inner])]);
    }
    case 'empty':
      return Buffer.from('Content-Type: text/plain\r\n\r\n');
    // A bare one has no MIME fields at all.
    default:
      return Buffer.from(`\r\nwritten by hand, number ${number}\r\n`);
  }
}

function textPart(random: Random, subtype: 'plain' | 'html'): Buffer {
  const [charset, sentence] = random.pick(charsets);
  const lines = Array.from({ length: 1 + random.int(12) }, (_, i) => `${i + 1}: ${sentence}`);
  const text = subtype === 'html' ? `<p>${lines.join('<br>\r\n')}</p>\r\n` : lines.join('\r\n');
  const raw = iconv.encode(`${text}\r\n`, charset);
  const base64 = charset !== 'us-ascii' && random.chance(0.4);
  const encoding = base64 ? 'base64' : '8bit';
  const head = `Content-Type: text/${subtype}; charset=${charset}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), base64 ? encodeBase64(raw) : raw]);
}

function attachment(type: string, content: Buffer): Buffer {
  const head = [
    `Content-Type: ${type}`,
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment\r\n\r\n',
  ];
  return Buffer.concat([Buffer.from(head.join('\r\n')), encodeBase64(content)]);
}

function encodeBase64(raw: Buffer): Buffer {
  return Buffer.from(`${raw.toString('base64').replace(/(.{76})/g, '$1\r\n')}\r\n`);
}

function multipart(subtype: string, number: number, parts: Buffer[]): Buffer {
  const boundary = `part-${subtype}-${number}`;
  const head = Buffer.from(`Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n\r\n`);
  const opened = parts.map((part) =>
    Buffer.concat([Buffer.from(`--${boundary}\r\n`), part, Buffer.from('\r\n')]),
  );
  return Buffer.concat([head, ...opened, Buffer.from(`--${boundary}--\r\n`)]);
}
