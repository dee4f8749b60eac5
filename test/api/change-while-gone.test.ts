import { afterAll, beforeAll, expect, it } from 'vitest';
import { parsePublicId } from '../../domain/ids.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { createMailWorld, type MailWorld } from '../support/mail-world.ts';
import { waitFor } from '../support/wait-for.ts';

let api: TestApi;
let world: MailWorld;

beforeAll(async () => {
  api = await createTestApi();
  world = await createMailWorld(api);
});
afterAll(() => api[Symbol.asyncDispose]());

/** Asks, and lets the message become another's twin after it was found and before it is changed. */
async function askWhileItGoes(method: 'PATCH' | 'DELETE', message: string) {
  const { sql } = api.database.owner;
  const uuid = parsePublicId('message', message)!;
  const gone = Promise.withResolvers<void>();
  const deleted = Promise.withResolvers<void>();
  const merge = sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`delete from messages where id = ${uuid}`;
    deleted.resolve();
    await gone.promise;
  });
  await deleted.promise;
  const body = method === 'PATCH' ? { body: { flagged: true } } : {};
  const answer = api.call(method, `/v1/messages/${message}`, {
    ...{ key: world.ours.key, member: world.owner },
    ...body,
  });
  await waitFor(async () => (await sql`select from pg_locks where not granted`).length > 0, {
    what: 'the change to wait for the merge',
  }).finally(() => gone.resolve());
  await merge;
  const intents = await sql`select from intents where message_id = ${uuid}`;
  return { answer: await answer, intents: intents.length };
}

it.each(['PATCH', 'DELETE'] as const)(
  '%s: what is answered with 404 is not carried out later',
  async (method) => {
    const message = method === 'PATCH' ? world.untracked : world.tracked;
    const { answer, intents } = await askWhileItGoes(method, message);
    expect(answer).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect(intents).toBe(0);
  },
);
