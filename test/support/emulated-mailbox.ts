import { sql } from 'drizzle-orm';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { runReconcileSlice } from '../../activities/mail/reconcile-slice.ts';
import type { SliceReport } from '../../domain/sync.ts';
import type { Mailboxes } from '../emulators/imap/mailboxes.ts';
import {
  createImapEmulator,
  type CommandVerdict,
  type ImapEmulator,
} from '../emulators/imap/server.ts';
import { askOf, letter } from './mailbox-rows.ts';
import { openRewritingProxy } from './rewriting-proxy.ts';
import { openSlicedMailbox, type SlicedMailbox } from './sliced-mailbox.ts';
import { undisturbed } from './slice-life.ts';

/** What a test makes of a server; honest until the test says otherwise. */
export interface ServerFaults {
  /** What becomes of a command of a session. */
  verdict: (command: string, session: object) => CommandVerdict | Promise<CommandVerdict>;
  /** What is said in the place of a line. */
  line: (line: string) => string;
}

/** A mailbox at an emulated server whose every answer a test may change, moved slice by slice. */
export interface EmulatedMailbox extends AsyncDisposable {
  emulator: ImapEmulator;
  account: Mailboxes;
  mailbox: SlicedMailbox;
  faults: ServerFaults;
  /** Appends letters, `<folder>-<number>@x`. */
  append(folder: string, numbers: readonly number[]): void;
  backfill(): Promise<SliceReport>;
  reconcile(): Promise<SliceReport>;
  /** The UIDs of a folder that the store shows. */
  stored(folder?: string): Promise<number[]>;
  /** The UIDs of a folder that the server has. */
  listed(folder?: string): number[];
  skips(): Promise<SkipRow[]>;
}

export interface SkipRow extends Record<string, unknown> {
  uid: number;
  reason: string;
  strikes: number;
  quarantined: boolean;
}

const user = 'jane@example.com';
const password = 'secret';

export async function openEmulatedMailbox(
  options: { capabilities?: readonly string[]; prepare?: (account: Mailboxes) => void } = {},
): Promise<EmulatedMailbox> {
  const { capabilities, prepare } = options;
  const faults: ServerFaults = { verdict: () => 'continue', line: (line) => line };
  const emulator = await createImapEmulator({
    users: { [user]: password },
    ...(capabilities && { capabilities }),
    onCommand: (command, session) => faults.verdict(command, session),
  });
  const account = emulator.account(user);
  prepare?.(account);
  const proxy = await openRewritingProxy(emulator.port, (line) => faults.line(line));
  const mailbox = await openSlicedMailbox({ port: proxy.port, user, password });
  const target = { ...mailbox.licence, capability: 'mail' as const, failuresBefore: 0 };
  return {
    ...{ emulator, account, mailbox, faults },
    append: (folder, numbers) => appendNumbered(account, folder, numbers),
    backfill: () => runBackfillSlice(mailbox.deps, target, undisturbed),
    reconcile: async () => {
      await askOf(mailbox, 'reconcile_requested_at');
      return await runReconcileSlice(mailbox.deps, target, undisturbed);
    },
    stored: async (folder = 'INBOX') =>
      (await mailbox.places()).filter((each) => each.folder === folder).map(({ uid }) => uid),
    listed: (folder = 'INBOX') => account.folder(folder).messages.map(({ uid }) => uid),
    skips: async () =>
      (await mailbox.read(sql`
        select uid::int as uid, reason, strikes::int as strikes,
          quarantined_at is not null as quarantined
        from skips order by uid`)) as SkipRow[],
    [Symbol.asyncDispose]: async () => {
      await mailbox[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await emulator.close();
    },
  };
}

/** Numbered letters in a folder, one day apart from the first of January on. */
export function appendNumbered(
  account: Mailboxes,
  folder: string,
  numbers: readonly number[],
): void {
  for (const number of numbers) {
    const date = new Date(Date.UTC(2026, 0, number));
    account.append(folder, letter(`${folder}-${number}@x`), { date });
  }
}

/** Whether a command is a fetch by UID that covers a message. */
export function fetches(command: string, uid: number): boolean {
  const sets = /^UID FETCH (\S+)/.exec(command)?.[1]?.split(',') ?? [];
  return sets.some((set) => {
    const [from, to = from] = set.split(':').map(Number);
    return from! <= uid && uid <= to!;
  });
}

/** 1, 2, 3 … up to a number. */
export function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}
