import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { insertIntents } from '../../db/queries/intents.ts';
import { withTenantWrite } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { mailFlags } from '../../domain/mail.ts';
import { createImapEmulator, type CommandVerdict } from '../emulators/imap/server.ts';
import { appendNumbered, upTo } from '../support/emulated-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  killWorker,
  prepareWorkerProcesses,
  type WorkerProcesses,
} from '../support/worker-processes.ts';

const user = { user: 'jane', password: 'secret' };
const messages = 50;
const flagged = 7;

/** What is promised: a death is noticed so soon, by the heartbeat that is missing. */
const noticedWithinMs = 15_000;

/** Timers of the engine's server fire late by up to a second; the rest is for a busy machine. */
const serverTimerMs = 2_000;

/** `TIMEOUT_TYPE_HEARTBEAT`, by its number in the engine's enumeration. */
const heartbeatTimeout = 4;

/** More than any step may take: a promise that is broken is measured, not waited out. */
const patience = { timeoutMs: 90_000 };

it('what a killed worker had in hand is taken over within seconds, and done once', async () => {
  // The server takes the change, and never answers the worker that is going to die.
  let answer = new Promise<void>(() => undefined);
  const emulator = await createImapEmulator({
    users: { [user.user]: user.password },
    onCommand: async (command): Promise<CommandVerdict> => {
      if (isStore(command)) await answer;
      return 'continue';
    },
  });
  onTestFinished(() => emulator.close());
  const account = emulator.account(user.user);
  appendNumbered(account, 'INBOX', upTo(messages));
  const stores = () => emulator.commands.filter(isStore).length;
  const world = await prepareWorkerProcesses({ port: emulator.port, ...user });
  onTestFinished(() => world.stop());

  const first = world.startWorker();
  const stored = async () => (await world.read(sql`select from messages`)).length;
  await waitFor(async () => (await stored()) === messages, { what: 'the import', ...patience });
  await askForFlag(world);
  await waitFor(() => stores() === 1, { what: 'the change in mid-work', ...patience });
  const killedAt = await killWorker(first);
  const measured = Promise.withResolvers<void>();
  answer = measured.promise;
  appendNumbered(account, 'INBOX', [messages + 1]);
  world.startWorker();

  const noticed = await waitFor(() => nextAttempt(world), { what: 'the notice', ...patience });
  expect(noticed.timeout).toBe(heartbeatTimeout);
  expect(noticed.at - killedAt).toBeLessThanOrEqual(noticedWithinMs + serverTimerMs);
  measured.resolve();

  const pending = sql`select from intents where state = 'pending'`;
  await waitFor(async () => (await world.read(pending)).length === 0, {
    ...{ what: 'the end of the intent', ...patience },
  });
  await waitFor(async () => (await stored()) === messages + 1, { what: 'the new message' });
  expect(account.folder('INBOX').messages[flagged - 1]!.flags).toContain('\\Flagged');
  expect(stores()).toBe(2);
  const places = await world.read(sql`
    select count(*)::int as count, count(distinct message_id)::int as messages from placements`);
  expect(places).toEqual([{ count: messages + 1, messages: messages + 1 }]);
}, 240_000);

const isStore = (command: string): boolean => command.startsWith('UID STORE');

/** What a person asks for, as the API notes it. */
async function askForFlag({ base, licence, read, run }: WorkerProcesses): Promise<void> {
  const [place] = await read(sql`select message_id as id from placements where uid = ${flagged}`);
  const { tenantId, connectionId } = licence;
  const key = { tenantId, connectionId, memberId: uuidv7() };
  const intent = { kind: 'flags', addFlags: mailFlags.flagged, change: null } as const;
  await withTenantWrite(base.app, tenantId, (tx) =>
    insertIntents(tx, key, [{ id: uuidv7(), messageId: String(place!['id']), ...intent }]),
  );
  await run.signal('poke');
}

/** When and why the engine gave an attempt up, once there is a next. */
async function nextAttempt({ run }: WorkerProcesses) {
  const { pendingActivities } = (await run.describe()).raw;
  const slice = pendingActivities?.find(({ activityType }) => activityType?.name === sliceType);
  if (!slice || Number(slice.attempt) < 2) return undefined;
  const timeout = Number(slice.lastFailure?.timeoutFailureInfo?.timeoutType);
  return { at: Date.now(), timeout };
}

/** The activity that carries out what people ask for. */
const sliceType = 'runLiveSlice';
