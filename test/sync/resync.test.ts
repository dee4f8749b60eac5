import { afterAll, beforeAll, expect, it } from 'vitest';
import { startOperatedMailbox, type OperatedMailbox } from '../support/operated-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

let mailbox: OperatedMailbox;

beforeAll(async () => {
  mailbox = await startOperatedMailbox({
    dovecot: { capabilities: 'condstore' },
    generate: { messages: 80, folders: 4, seed: 5, mix: 'text' },
  });
  await mailbox.waitForState('live');
}, 120_000);

afterAll(() => mailbox[Symbol.asyncDispose]());

it('is over for the API too when everything is listed again', async () => {
  await act('resync');
  await listedAgain();
  const before = await mailbox.view();
  expect(before).toMatchObject({ state: 'live', capabilities: { mail: { backfillDone: true } } });
  await mailbox.poke();
  await listedAgain();
  expect(await mailbox.differences()).toEqual([]);
});

it('keeps the id of a folder that is renamed before it is listed again', async () => {
  const folder = (await folders()).find(({ role, stored }) => role === null && stored > 0)!;
  await act('pause');
  await mailbox.waitForState('paused');
  await act('resync');
  const renamed = await mailbox.asOwner('PATCH', `/v1/folders/${folder.id}`, { path: ['Renamed'] });
  expect(renamed.status).toBe(202);
  await act('resume');
  await listedAgain();
  await waitFor(async () => (await mailbox.differences()).length === 0, { what: 'equality' });
  const now = (await folders()).find(({ id }) => id === folder.id);
  expect(now).toMatchObject({ path: ['Renamed'], stored: folder.stored });
  expect(await mailbox.view()).toMatchObject({ capabilities: { mail: { deletionsHeld: 0 } } });
});

it('leaves a folder that would lie in itself where it is', async () => {
  const folder = (await folders()).find(({ role }) => role === null)!;
  const path = [...folder.path, 'Inside'];
  const { status, body } = await mailbox.asOwner('PATCH', `/v1/folders/${folder.id}`, { path });
  expect([status, body['code']]).toEqual([400, 'invalid-request']);
});

async function act(action: string): Promise<void> {
  const { status } = await mailbox.asOwner('POST', `/v1/connections/${mailbox.id}/${action}`);
  expect(status).toBe(202);
}

/** Waits until the API says that all history is in. */
async function listedAgain(): Promise<void> {
  const isLive = async (): Promise<boolean> => {
    const { state, capabilities } = await mailbox.view();
    return state === 'live' && capabilities.mail?.backfillDone === true;
  };
  await waitFor(isLive, { what: 'the end of the resync', timeoutMs: 30_000 });
}

interface ShownFolder {
  id: string;
  path: string[];
  role: string | null;
  stored: number;
}

async function folders(): Promise<ShownFolder[]> {
  const { body } = await mailbox.asOwner('GET', `/v1/folders?connection=${mailbox.id}&limit=200`);
  return body.data as unknown as ShownFolder[];
}
