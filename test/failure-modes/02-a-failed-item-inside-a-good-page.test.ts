import { afterEach, beforeEach, expect, it } from 'vitest';
import { dropped } from '../support/rewriting-proxy.ts';
import {
  appendNumbered,
  fetches,
  openEmulatedMailbox,
  upTo,
  type EmulatedMailbox,
} from '../support/emulated-mailbox.ts';

const messages = 30;
const culprit = 17;

let world: EmulatedMailbox;

beforeEach(async () => {
  world = await openEmulatedMailbox({
    prepare: (account) => appendNumbered(account, 'INBOX', upTo(messages)),
  });
});
afterEach(() => world?.[Symbol.asyncDispose]());

const others = upTo(messages).filter((uid) => uid !== culprit);

it.each([
  ['is refused', 'provider-refused', () => refuse(culprit)],
  ['has no row in an answer that is OK', 'unreadable', () => leaveOut(culprit)],
])('an item that %s is noted, and read again until it is there', async (_how, reason, fail) => {
  await world.mailbox.live();
  fail();
  expect(await world.backfill()).toMatchObject({ outcome: 'done' });
  expect(await world.stored()).toEqual(others);
  expect(await world.skips()).toEqual([{ uid: culprit, reason, strikes: 1, quarantined: false }]);
  behave();
  expect(await world.mailbox.live()).toMatchObject({ outcome: 'done', stored: 1 });
  expect(await world.stored()).toEqual(upTo(messages));
  expect(await world.skips()).toEqual([]);
});

it('the same in a page of new mail, whose cursor has moved on', async () => {
  await world.mailbox.importAll();
  const [first, second, third] = [messages + 1, messages + 2, messages + 3];
  world.append('INBOX', [first, second, third]);
  refuse(second);
  expect(await world.mailbox.live()).toMatchObject({ outcome: 'done', stored: 2 });
  behave();
  expect(await world.mailbox.live()).toMatchObject({ outcome: 'done', stored: 1 });
  expect(await world.stored()).toEqual(world.listed());
});

it('a page of which nothing can be read holds the cursor', async () => {
  await world.mailbox.live();
  world.faults.verdict = (command) =>
    command.startsWith('UID FETCH') && command.includes('BODYSTRUCTURE')
      ? { reply: 'NO [UNAVAILABLE] later' }
      : 'continue';
  expect(await world.backfill()).toMatchObject({ outcome: 'failed', stored: 0 });
  expect(await world.skips()).toEqual([]);
  behave();
  expect(await world.backfill()).toMatchObject({ outcome: 'done', stored: messages });
  expect(await world.stored()).toEqual(world.listed());
});

/** A fetch that covers the message is answered with NO. */
function refuse(uid: number): void {
  world.faults.verdict = (command) =>
    fetches(command, uid) ? { reply: 'NO [SERVERBUG] oops' } : 'continue';
}

function leaveOut(uid: number): void {
  const row = new RegExp(`^\\* \\d+ FETCH .*\\bUID ${uid}\\b`);
  let inside = false;
  world.faults.line = (line) => {
    if (line.startsWith('* ') || /^\w+ (OK|NO|BAD)/.test(line)) inside = row.test(line);
    return inside ? dropped : line;
  };
}

function behave(): void {
  world.faults.verdict = () => 'continue';
  world.faults.line = (line) => line;
}
