import type { ImapFlow } from 'imapflow';
import type { Random } from '../emulators/imap/sample/random.ts';
import type { Dovecot } from '../support/dovecot.ts';
import { createJournal, type Journal } from './journal.ts';
import { createLetters, readToken, tokenHeader, type Letters } from './letters.ts';
import { createTouches, type Touches } from './touches.ts';

/** Another client of the mailbox: it changes what it likes and tells the journal. */
export interface OtherClient {
  dovecot: Dovecot;
  random: Random;
  letters: Letters;
  journal: Journal;
  touches: Touches;
  readonly imap: ImapFlow;
  /** Folders that can be opened, by name. */
  folders(): Promise<string[]>;
  /** Opens a folder, reads its UIDs, and does something with them. */
  inFolder(folder: string, work: (uids: number[]) => Promise<void>): Promise<void>;
  /** Another session: servers end one whose folder was deleted or renumbered under it. */
  reopen(): Promise<void>;
  /** Reads something, in new sessions where Dovecot trips over what the sessions before it did. */
  read<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A session that trips does so over one change; the next one begins after it. */
const attemptsMax = 3;

/** @param spared folders that it leaves alone */
export async function openOtherClient(
  dovecot: Dovecot,
  random: Random,
  spared: readonly string[] = [],
): Promise<OtherClient> {
  let imap = await openSession(dovecot);
  const reopen = async (): Promise<void> => {
    imap.close();
    imap = await openSession(dovecot);
  };
  return {
    ...{ reopen, dovecot, random, letters: createLetters(random), journal: createJournal() },
    touches: createTouches(),
    get imap() {
      return imap;
    },
    folders: async () => {
      const listed = await imap.list();
      const open = listed.filter(
        ({ path, flags }) => !flags.has('\\Noselect') && !spared.includes(path),
      );
      return open.map(({ path }) => path).toSorted();
    },
    inFolder: async (folder, work) => {
      const lock = await imap.getMailboxLock(folder).catch(async (error: unknown) => {
        // Dovecot trips over a folder that another session changes, some sessions for good.
        if ((error as Record<string, unknown>)['serverResponseCode'] !== 'SERVERBUG') throw error;
        await reopen();
        return await imap.getMailboxLock(folder);
      });
      try {
        const uids = await imap.search({ all: true }, { uid: true });
        if (!uids) throw new Error(`${folder} could not be searched`);
        await work(uids);
      } finally {
        lock.release();
        // A folder that stays open cannot be renamed or deleted in good order.
        if (imap.usable) await imap.mailboxClose();
      }
    },
    read: async (work) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await work();
        } catch (error) {
          if (attempt === attemptsMax) throw error;
          await reopen();
        }
      }
    },
    close: async () => {
      if (imap.usable) await imap.logout();
    },
  };
}

async function openSession(dovecot: Dovecot): Promise<ImapFlow> {
  const imap = await dovecot.imap();
  // The command that fails tells the same; without a listener the process would end.
  imap.on('error', () => imap.close());
  // Dovecot obeys commands that it was told not to offer: so the stream is the same on every level.
  for (const name of ['MOVE', 'UIDPLUS']) imap.capabilities.set(name, true);
  return imap;
}

/** Which letters lie at these UIDs of the open folder. */
export async function readTokens(
  { imap }: OtherClient,
  uids: readonly number[],
): Promise<string[]> {
  if (uids.length === 0) return [];
  const tokens: string[] = [];
  const rows = imap.fetch([...uids], { headers: [tokenHeader] }, { uid: true });
  for await (const { headers } of rows) tokens.push(readToken(headers) ?? '');
  return tokens;
}

/** A command that the server refused; the client tells no more of it. */
export class RefusedError extends Error {}

export function refusal(what: string): RefusedError {
  return new RefusedError(`the server refused: ${what}`);
}

/** Some of these UIDs, at most `max`: by chance neighbours or strewn over the folder. */
export function drawUids(random: Random, uids: readonly number[], max: number): number[] {
  if (uids.length === 0) return [];
  const count = 1 + random.int(Math.min(max, uids.length));
  if (random.chance(0.5)) {
    const from = random.int(uids.length - count + 1);
    return uids.slice(from, from + count);
  }
  const drawn = new Set(Array.from({ length: count }, () => random.pick(uids)));
  return [...drawn].toSorted((a, b) => a - b);
}
