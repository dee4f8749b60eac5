import { altered, fillInbox, isCommand, lettersCount, when, type Behaviour } from './behaviour.ts';
import type { HostileCall } from './server.ts';

const lists = ({ command }: HostileCall): boolean => /^LIST .*(%|\*)/.test(command);
const opens = isCommand('EXAMINE');

/** Names that harm whoever pastes them into a path, a command or an object. */
const names = ['..', '../../etc/passwd', 'a\u0000b', 'a\r\nA9 DELETE INBOX', '__proto__', '%s%n'];

const folderRows = (all: string[]): string =>
  all.map((name) => `* LIST () "/" {${name.length}}\r\n${name}\r\n`).join('');

/** What a listing tells of `a`, `a/a` and so on. */
const between = /\* (?:LIST \([^)]*\) "\/"|STATUS) "?a(?:\/a)*"?(?: \([^\r]*\))?\r\n/g;

let numbering = 1;

/** Faults in the listing and in what is told of a folder when it is opened. */
export const folders: Behaviour[] = [
  {
    name: 'has 50,000 folders',
    script: altered(lists, (honest) => {
      const rows = Array.from({ length: 50_000 }, (_, i) => `* LIST () "/" folder${i}\r\n`);
      return rows.join('') + honest;
    }),
    ends: 'imap-too-many-folders',
  },
  {
    name: 'lists folders without end',
    script: when(lists, async ({ wire }) => {
      await wire.stream(`* LIST () "/" "${'x'.repeat(1_000)}"\r\n`.repeat(60));
      return null;
    }),
    ends: 'imap-too-many-folders',
  },
  {
    name: 'names folders to break out of paths, commands and objects',
    script: {
      ...altered(lists, (honest) => folderRows(names) + honest),
      mailbox: (mailboxes) => {
        fillInbox(mailboxes);
        for (const name of names) if (!/\p{Cc}/u.test(name)) mailboxes.create(name);
      },
    },
    ends: 'read',
    stored: lettersCount,
  },
  {
    name: 'nests folders a thousand deep',
    script: {
      // Without those in between: it is the depth that harms, a thousand folders are honest.
      ...altered(lists, (honest) => honest.replace(between, '')),
      mailbox: (mailboxes) => {
        fillInbox(mailboxes);
        mailboxes.create(`${'a/'.repeat(1_000)}b`);
      },
    },
    ends: 'read',
    stored: lettersCount,
  },
  {
    name: 'renumbers the inbox at every opening',
    script: {
      ...altered(opens, (honest) => {
        numbering += 1;
        return honest.replace(/UIDVALIDITY \d+/, `UIDVALIDITY ${numbering}`);
      }),
      mailbox: fillInbox,
    },
    ends: 'imap-uidvalidity-changed',
  },
  {
    name: 'claims four billion messages and as many UIDs',
    script: {
      ...altered(
        ({ command }) => /^(EXAMINE|LIST|STATUS|UID SEARCH)/.test(command),
        (honest) =>
          honest
            .replace(/\d+ EXISTS/, '4294967295 EXISTS')
            .replace(/MESSAGES \d+/g, 'MESSAGES 4294967295')
            .replace(/UIDNEXT \d+/g, 'UIDNEXT 4294967295')
            .replace(/ ALL [\d:,]+/, ' ALL 1:4294967295'),
      ),
      mailbox: fillInbox,
    },
    ends: 'read',
    stored: lettersCount,
  },
  {
    name: 'offers ESEARCH and refuses it',
    script: {
      ...when(isCommand('UID SEARCH'), ({ tag }) => `${tag} BAD what is that\r\n`),
      mailbox: fillInbox,
    },
    ends: 'imap-refused',
    during: 'backfill',
  },
];
