import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultCapabilities } from '../emulators/imap/server.ts';
import {
  appendNumbered,
  openEmulatedMailbox,
  upTo,
  type EmulatedMailbox,
  type ServerFaults,
} from '../support/emulated-mailbox.ts';
import { dropped } from '../support/rewriting-proxy.ts';

const commands = {
  LIST: /^LIST /,
  STATUS: /^STATUS /,
  EXAMINE: /^EXAMINE /,
  SEARCH: /^UID SEARCH /,
  FETCH: /^UID FETCH /,
};

/** The lines without which an answer says nothing, although the command went well. */
const answers = {
  LIST: /^\* LIST /,
  STATUS: /^\* STATUS /,
  SEARCH: /^\* E?SEARCH/,
  FETCH: /^\* \d+ FETCH /,
};

const refusals = ['NO [UNAVAILABLE] later', 'BAD what?'] as const;

type Fault = [name: string, fault: Partial<ServerFaults>];

const faults: Fault[] = [
  ...Object.entries(commands).flatMap(([name, command]): Fault[] => [
    ...refusals.map((reply): Fault => [
      `${name} is answered with ${reply}`,
      { verdict: (text) => (command.test(text) ? { reply } : 'continue') },
    ]),
    [
      `the line is cut at ${name}`,
      { verdict: (text) => (command.test(text) ? 'disconnect' : 'continue') },
    ],
  ]),
  ...Object.entries(answers).map(([name, answer]): Fault => [
    `${name} is OK without its answer`,
    { line: (text) => (answer.test(text) ? dropped : text) },
  ]),
];

describe.each([
  ['with every extension', defaultCapabilities],
  ['with none', ['IMAP4rev1']],
])('at a server %s, nothing is taken for gone or done when', (_level, capabilities) => {
  let world: EmulatedMailbox;

  beforeAll(async () => {
    world = await openEmulatedMailbox({
      capabilities,
      prepare: (account) => appendNumbered(account, 'INBOX', upTo(20)),
    });
    await world.mailbox.importAll();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it.each(faults)('%s', async (_name, fault) => {
    const { account, mailbox, append, listed, stored } = world;
    append('INBOX', [listed().at(-1)! + 1]);
    account.expunge('INBOX', [listed()[0]!]);
    const kept = listed().slice(0, -1);
    const slices = {
      changes: () => mailbox.live({ poked: false }),
      comparison: world.reconcile,
      history: world.backfill,
    };
    const found: unknown[] = [];
    for (const [name, slice] of Object.entries(slices)) {
      if (name === 'history') {
        await askForResync();
        await mailbox.live();
      }
      misbehave(fault);
      const { outcome } = await slice();
      misbehave({});
      const shown = new Set(await stored());
      const lost = kept.filter((uid) => !shown.has(uid));
      const claimed = outcome === 'done' && !(await isExact());
      if (lost.length > 0 || claimed) found.push({ name, outcome, lost });
    }
    expect(found).toEqual([]);
    for (const slice of [slices.changes, slices.history, slices.comparison]) await slice();
    expect(await stored()).toEqual(listed());
    expect(await world.skips()).toEqual([]);
  });

  function misbehave({ verdict = () => 'continue', line = (text) => text }: Partial<ServerFaults>) {
    Object.assign(world.faults, { verdict, line });
  }

  /** History is listed again too, without a word to those who read the mail. */
  async function askForResync(): Promise<void> {
    const { base, licence } = world.mailbox;
    await base.owner.sql`
      update connections set resync_requested_at = now() where id = ${licence.connectionId}`;
  }

  /** Whether the store is what the server has, or shows what it lacks and why. */
  async function isExact(): Promise<boolean> {
    const lacking = new Set(world.listed());
    for (const uid of await world.stored()) lacking.delete(uid);
    for (const { uid } of await world.skips()) lacking.delete(uid);
    const [trouble] = await world.mailbox.read(
      sql`select from collections where trouble is not null`,
    );
    return lacking.size === 0 || trouble !== undefined;
  }
});
