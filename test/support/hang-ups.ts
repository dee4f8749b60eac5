import { sql } from 'drizzle-orm';
import { fetches, openEmulatedMailbox, type EmulatedMailbox } from './emulated-mailbox.ts';

/** Both ranked behind the inbox. */
export const elsewhere = 'Elsewhere';
export const zoo = 'Zoo';

export async function openThreeFolders(): Promise<EmulatedMailbox> {
  return await openEmulatedMailbox({
    prepare: (account) => {
      account.create(elsewhere);
      account.create(zoo);
    },
  });
}

/** Makes the server end the connection whenever one of these letters is asked for. */
export function hangUpAt({ faults }: EmulatedMailbox, uids: readonly number[]): void {
  faults.verdict = (command) =>
    uids.some((uid) => readsLetter(command, uid)) ? 'disconnect' : 'continue';
}

/** Of a letter that cannot be read the flags can still be told. */
export function readsLetter(command: string, uid: number): boolean {
  return fetches(command, uid) && command.includes('BODY.PEEK[');
}

/** How often a piece of work logged in. */
export async function logins(
  { emulator }: EmulatedMailbox,
  work: () => Promise<unknown>,
): Promise<number> {
  const before = emulator.commands.length;
  await work();
  const commands = emulator.commands.slice(before);
  return commands.filter((command) => /^(LOGIN|AUTHENTICATE)/.test(command)).length;
}

/** Why folders are in trouble. */
export async function troubles({ mailbox }: EmulatedMailbox): Promise<unknown[]> {
  const rows = await mailbox.read(sql`
    select trouble from collections where trouble is not null`);
  return rows.map(({ trouble }) => trouble);
}
