import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import type { SliceLife } from '../../activities/mail/slice.ts';
import {
  appendNumbered,
  openEmulatedMailbox,
  upTo,
  type EmulatedMailbox,
} from '../support/emulated-mailbox.ts';
import type { CommandVerdict } from '../emulators/imap/server.ts';
import { waitFor } from '../support/wait-for.ts';

let world: EmulatedMailbox;
beforeAll(async () => {
  world = await openEmulatedMailbox({
    prepare: (account) => appendNumbered(account, 'INBOX', upTo(3)),
  });
  await world.mailbox.live();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A worker that stops waits for its slices; a server that is silent must not make it wait. */
it.each(['live', 'backfill'] as const)(
  'a %s slice at a silent server ends when it is cancelled, and holds nothing against it',
  async (loop) => {
    world.append('INBOX', [4]);
    const { deps, licence, read } = world.mailbox;
    const before = world.emulator.commands.length;
    world.faults.verdict = async (command): Promise<CommandVerdict> =>
      command.startsWith('UID FETCH') ? await new Promise<never>(() => undefined) : 'continue';
    const stopping = new AbortController();
    const life: SliceLife = { heartbeat: () => undefined, cancelled: stopping.signal };
    const target = { ...licence, capability: 'mail' as const, failuresBefore: 0 };
    const slice =
      loop === 'live'
        ? runLiveSlice(deps, { ...target, poked: true, cautious: false }, life)
        : runBackfillSlice(deps, target, life);
    const asked = (): boolean =>
      world.emulator.commands.slice(before).some((command) => command.startsWith('UID FETCH'));
    await waitFor(asked, { what: 'a command that is not answered' });
    const cancelledAt = performance.now();
    stopping.abort(new Error('the worker stops'));
    expect((await slice).outcome).toBe('more');
    expect(performance.now() - cancelledAt).toBeLessThan(2_000);
    expect(await read(sql`select last_error_kind from sync_status`)).toEqual([
      { last_error_kind: null },
    ]);
    world.faults.verdict = () => 'continue';
  },
);
