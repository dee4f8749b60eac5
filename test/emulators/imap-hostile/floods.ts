import {
  altered,
  fetchesOutlines,
  fetchesText,
  fillInbox,
  isCommand,
  lettersCount,
  when,
  type Behaviour,
} from './behaviour.ts';

const mailbox = fillInbox;
const mib = 1024 * 1024;
const twoGigabytes = 2 * 1024 * mib;

/** Faults of mass, and of ending in the wrong place, while messages are read. */
export const floods: Behaviour[] = [
  {
    name: 'announces literals of two gigabytes and sends them',
    script: {
      ...when(fetchesText, async ({ wire }) => {
        await wire.send(`* 1 FETCH (UID 1 BODY[1]<0> {${twoGigabytes}}\r\n`);
        await wire.stream('x'.repeat(mib), twoGigabytes);
        return null;
      }),
      mailbox,
    },
    ends: 'read',
    stored: 0,
    skipped: { 'too-large': lettersCount },
  },
  {
    name: 'announces a header of 500 megabytes',
    script: {
      ...when(fetchesOutlines, async ({ wire }) => {
        await wire.send(`* 1 FETCH (UID 1 FLAGS () BODY[HEADER]<0> {${500 * mib}}\r\n`);
        await wire.stream('x'.repeat(mib), 500 * mib);
        return null;
      }),
      mailbox,
    },
    ends: 'read',
    stored: 0,
    skipped: { 'too-large': lettersCount },
  },
  {
    name: 'sends a line without end',
    script: {
      ...when(fetchesText, async ({ wire }) => {
        await wire.send('* 1 FETCH (UID 1 BODY[1]<0> "');
        await wire.stream('x'.repeat(mib));
        return null;
      }),
      mailbox,
    },
    ends: 'read',
    stored: 0,
    skipped: { 'too-large': lettersCount },
  },
  {
    name: 'states small texts and sends large ones',
    script: {
      ...altered(fetchesText, (honest) =>
        honest.replace(/\{\d+\}\r\n[^)]*/g, `{${4 * mib}}\r\n${'x'.repeat(4 * mib)}`),
      ),
      mailbox,
    },
    ends: 'read',
    stored: 0,
    skipped: { 'too-large': lettersCount },
  },
  {
    name: 'sends rows that nobody asked for, without end',
    script: {
      ...when(fetchesOutlines, async ({ wire }) => {
        const header = 'x'.repeat(100_000);
        await wire.stream(`* 9 FETCH (UID 999 BODY[HEADER]<0> {100000}\r\n${header})\r\n`);
        return null;
      }),
      mailbox,
    },
    ends: 'read',
    stored: 0,
    skipped: { 'too-large': lettersCount },
  },
  {
    name: 'puts a thousand announcements before every answer',
    script: {
      answer: async ({ command, honest }) => {
        if (!/^(UID|NOOP)/.test(command)) return undefined;
        const noise = '* 6 EXISTS\r\n* 3 FETCH (FLAGS (\\Seen))\r\n* LIST () "/" x\r\n';
        return noise.repeat(1_000) + (await honest());
      },
      mailbox,
    },
    ends: 'read',
    stored: lettersCount,
  },
  {
    name: 'announces changes without end while nobody asks',
    script: {
      whileIdle: (wire) => wire.stream('* 6 EXISTS\r\n* 5 EXISTS\r\n'.repeat(500)),
      mailbox,
    },
    ends: 'read',
    stored: lettersCount,
  },
  {
    name: 'breaks off in mid-literal',
    script: {
      ...when(fetchesText, async ({ wire }) => {
        await wire.send('* 1 FETCH (UID 1 BODY[1]<0> {4000}\r\nhalf of it');
        return null;
      }),
      mailbox,
    },
    ends: 'imap-connection-lost',
    during: 'backfill',
  },
  {
    name: 'says BYE in mid-answer',
    script: {
      ...when(fetchesOutlines, async ({ wire }) => {
        await wire.send('* 1 FETCH (UID 1)\r\n* BYE enough\r\n');
        return null;
      }),
      mailbox,
    },
    ends: 'imap-connection-lost',
    during: 'backfill',
  },
  {
    name: 'falls silent in mid-answer',
    script: {
      ...when(fetchesText, async ({ wire }) => {
        await wire.send('* 1 FETCH (UID 1 BODY[1]<0> {4000}\r\nhalf of it');
        await wire.hang();
        return null;
      }),
      mailbox,
    },
    ends: 'imap-connection-lost',
    during: 'backfill',
  },
  {
    name: 'lets the mailbox shrink without a word',
    script: {
      ...altered(isCommand('UID SEARCH'), (honest) => `* 2 EXISTS\r\n${honest}`),
      mailbox,
    },
    ends: 'read',
    stored: lettersCount,
  },
];
