import {
  altered,
  fetchesOutlines,
  fillInbox,
  isCommand,
  letter,
  lettersCount,
  type Behaviour,
} from './behaviour.ts';

const mailbox = fillInbox;
const plain = '("text" "plain" NIL NIL NIL "7bit" 4 1)';
const deep = `${'('.repeat(500)}${plain}${' "mixed")'.repeat(500)}`;
const bomb = `(${plain.repeat(10_000)} "mixed")`;
const wide = `(${plain.repeat(50_000)} "mixed")`;

/** Every structure of the answer replaced by one that no mail has. */
const structured = (structure: string) =>
  altered(fetchesOutlines, (honest) =>
    honest.replace(/BODYSTRUCTURE .*?(?= BODY\[HEADER\])/g, `BODYSTRUCTURE ${structure}`),
  );

const outlines = (from: RegExp, to: string) => ({
  ...altered(fetchesOutlines, (honest) => honest.replace(from, to)),
  mailbox,
});

/** Lies about single messages, and messages that harm whoever reads them. */
export const contents: Behaviour[] = [
  {
    name: 'nests parts 500 deep',
    script: { ...structured(deep), mailbox },
    ends: 'read',
    stored: 0,
    skipped: { 'too-complex': lettersCount },
  },
  {
    name: 'splits a message into 50,000 parts',
    script: { ...structured(wide), mailbox },
    ends: 'read',
    stored: 0,
    skipped: { 'too-large': lettersCount },
  },
  {
    name: 'splits every other message into 10,000 parts',
    script: {
      ...altered(fetchesOutlines, (honest) =>
        honest.replace(/(UID \d*[02468] .*?BODYSTRUCTURE ).*?(?= BODY\[HEADER\])/g, `$1${bomb}`),
      ),
      mailbox,
    },
    ends: 'read',
    stored: lettersCount / 2,
    skipped: { 'too-large': lettersCount / 2 },
  },
  {
    name: 'lists UIDs twice, backwards, negative and beyond every number',
    script: {
      ...altered(isCommand('UID SEARCH'), (honest) =>
        honest.replace(/\* (E?SEARCH)[^\r]*/, (line, name: string) =>
          name === 'SEARCH' ? '* SEARCH 6 5 5 4 3 3 -1 99999999999999 2 1 1 0' : `${line},6,2,2`,
        ),
      ),
      mailbox,
      capabilities: ['IMAP4rev1'],
    },
    ends: 'read',
    stored: lettersCount,
  },
  {
    name: 'states dates that are none',
    script: outlines(/INTERNALDATE "[^"]*"/g, 'INTERNALDATE "32-Foo-99999 99:99:99 +9999"'),
    ends: 'read',
    stored: lettersCount,
  },
  {
    name: 'states sizes that no message has',
    script: outlines(/RFC822\.SIZE \d+/g, 'RFC822.SIZE 9999999999'),
    ends: 'read',
    stored: lettersCount,
  },
  {
    name: 'states mod-sequences beyond 63 bits',
    script: outlines(/MODSEQ \(\d+\)/g, 'MODSEQ (18446744073709551615)'),
    ends: 'read',
    stored: lettersCount,
  },
  {
    name: 'sets 100,000 keywords',
    script: outlines(
      /FLAGS \(\)/g,
      `FLAGS (${Array.from({ length: 100_000 }, (_, i) => `key${i}`).join(' ')})`,
    ),
    ends: 'read',
    stored: 0,
    skipped: { 'too-large': lettersCount },
  },
  {
    name: 'holds letters with poisoned headers and charsets',
    script: {
      mailbox: (mailboxes) => {
        for (const [i, more] of poisonedHeaders.entries()) {
          mailboxes.append('INBOX', letter(`Poison ${i}`, more, '+AAAA-=&AAA-'.repeat(5_000)));
        }
      },
    },
    ends: 'read',
    stored: 8,
  },
];

const charset = (name: string): string => `Content-Type: text/plain; charset="${name}"`;

const poisonedHeaders = [
  ['__proto__: {"isAdmin":true}', 'constructor: x', 'toString: y', 'hasOwnProperty: z'],
  Array.from({ length: 5_000 }, () => 'Received: again'),
  [`References: ${'<a@b> '.repeat(20_000)}`],
  [`Date: ${'('.repeat(100_000)}`],
  ['Date: Thu, 01 Jan 99999 00:00:00 +0000'],
  [`Cc: ${'a@b.example, '.repeat(9_000)}`, `X-Zero: \u0000\u0000`],
  [charset('utf-7')],
  [charset('__proto__'), 'Content-Transfer-Encoding: quoted-printable'],
];
