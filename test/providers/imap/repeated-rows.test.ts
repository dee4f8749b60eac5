import { afterEach, expect, test } from 'vitest';
import { noFlagsChange } from '../../../domain/intent.ts';
import type { MailSession, RemoteCollection } from '../../../domain/provider.ts';
import { splitUids } from '../../../providers/imap/uid-set.ts';
import { fillInbox, lettersCount, letter } from '../../emulators/imap-hostile/behaviour.ts';
import {
  createHostileServer,
  hostileUser,
  type HostileServer,
} from '../../emulators/imap-hostile/server.ts';
import { accountAt, findCollection, knownItems, localProvider } from './support.ts';

const mib = 1024 * 1024;
const bounds = { itemsMax: 400, bytesMax: 4 * mib };

/** What crosses the wire before a bound on six messages bites, with the kernel's buffers. */
const bytesMax = 64 * mib;

/** Long before this a bound is to bite; without one only this ends the session. */
const patienceMs = 15_000;

const uids = Array.from({ length: lettersCount }, (_, i) => i + 1);
const known = knownItems(uids.map((uid) => ({ uid, flags: 0 })));

/** A row as heavy as the bounds on keywords allow. */
const words = Array.from({ length: 90 }, (_, i) => `k${i}${'x'.repeat(450)}`).join(' ');

let server: HostileServer;
const provider = localProvider();
afterEach(() => server[Symbol.asyncDispose]());

interface Subject {
  session: MailSession;
  inbox: RemoteCollection;
}

/** Opens a session with a server that says a line in the place of the answer to some commands. */
async function against(
  matches: RegExp,
  line: string,
  { endless = true, capabilities }: { endless?: boolean; capabilities?: string[] } = {},
): Promise<Subject> {
  server = await createHostileServer({
    ...(capabilities && { capabilities }),
    mailbox: (mailboxes) => {
      fillInbox(mailboxes);
      mailboxes.create('Other');
      for (const n of [1, 2, 3]) mailboxes.append('Other', letter(`Other ${n}`));
    },
    answer: async ({ command, wire, honest }) => {
      if (!matches.test(command)) return undefined;
      if (!endless) return line + (await honest());
      await wire.stream(line);
      return null;
    },
  });
  const account = accountAt(server, hostileUser.password);
  const imap = { ...account.imap, username: hostileUser.user };
  const session = await provider.connect({ ...account, imap }, AbortSignal.timeout(patienceMs));
  return { session, inbox: await findCollection(session, 'INBOX') };
}

async function readChanges({ session, inbox }: Subject, modseq: string | null = null) {
  const cursor = {
    ...{ uidValidity: inbox.uidValidity!, uidNext: lettersCount + 1, modseq },
    ...{ messages: lettersCount, flagHint: `u${lettersCount}` },
  };
  const changes = [];
  const request = { collection: inbox, cursor, known, depth: 'full' as const, bounds };
  for await (const page of session.changes(request)) changes.push(...page.flagChanges);
  return changes;
}

async function readListing({ session, inbox }: Subject) {
  const cursor = { uidValidity: inbox.uidValidity!, uidNext: lettersCount + 1 };
  const items = [];
  const request = { collection: inbox, cursor, afterUid: 0, since: undefined };
  for await (const page of session.listing(request)) items.push(...page.items);
  return items;
}

const change = { ...noFlagsChange, addFlags: 1 };

const heavyFlags = `* 1 FETCH (UID 1 FLAGS (\\Seen ${words}))\r\n`;
const readsFlags = /^UID FETCH \S+ \(UID FLAGS( MODSEQ)?\)$/;
const plain = ['IMAP4rev1', 'UIDPLUS'];

const endless: [string, RegExp, string, string[] | undefined, (at: Subject) => Promise<unknown>][] =
  [
    ['flags to a comparison', readsFlags, heavyFlags, undefined, readChanges],
    ['flags to a listing', readsFlags, heavyFlags, undefined, readListing],
    [
      'flags to a look for changes',
      /CHANGEDSINCE/,
      '* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (9))\r\n',
      undefined,
      (at) => readChanges(at, '1'),
    ],
    [
      'flags that were stored',
      readsFlags,
      heavyFlags,
      undefined,
      ({ session, inbox }) => session.write.changeFlags({ collection: inbox, uids, change }),
    ],
    [
      'UIDs that are to be changed',
      /^UID SEARCH UID/,
      `* SEARCH${' 1'.repeat(1_000)}\r\n`,
      undefined,
      ({ session, inbox }) => session.write.changeFlags({ collection: inbox, uids, change }),
    ],
    [
      'identities of copies',
      /HEADER\.FIELDS/,
      `* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[HEADER.FIELDS (MESSAGE-ID)] {1000}\r\n${'x'.repeat(1_000)})\r\n`,
      plain,
      async ({ session, inbox }) => {
        const target = await findCollection(session, 'Other');
        await session.write.move({ collection: inbox, uids, target, copiesFrom: 1 });
      },
    ],
  ];

test.each(endless)(
  'a server that answers without end: %s',
  async (_what, matches, line, capabilities, work) => {
    const subject = await against(matches, line, capabilities && { capabilities });
    await expect(work(subject)).rejects.toMatchObject({ code: 'imap-response-too-large' });
    expect(server.sent()).toBeLessThan(bytesMax);
    await subject.session[Symbol.asyncDispose]();
  },
);

const repeated = [
  '* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n',
  '* 1 FETCH (UID 1 FLAGS (\\Flagged))\r\n',
  '* 1 FETCH (UID 99 FLAGS (\\Flagged))\r\n',
].join('');

test('of a repeated row the last counts, and rows of other messages do not', async () => {
  const subject = await against(readsFlags, repeated, { endless: false });
  // The honest answer comes last: nothing has changed.
  expect(await readChanges(subject)).toEqual([]);
  const listed = await readListing(subject);
  expect(listed.map(({ uid, flags }) => [uid, flags?.flags])).toEqual(uids.map((uid) => [uid, 0]));
  await subject.session[Symbol.asyncDispose]();
});

test('UIDs are split into commands that every server takes', () => {
  const dense = Array.from({ length: 12_000 }, (_, i) => i + 1);
  expect([...splitUids(dense)].map(({ length }) => length)).toEqual([5_000, 5_000, 2_000]);
  const sparse = dense.map((n) => 4_000_000_000 + 2 * n);
  const parts = [...splitUids(sparse.toReversed())];
  expect(parts.flat()).toEqual(sparse);
  expect(parts.every((part) => part.join(',').length < 8_000)).toBe(true);
  expect([...splitUids([])]).toEqual([]);
});
