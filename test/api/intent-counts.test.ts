import { afterAll, beforeAll, expect, it } from 'vitest';
import { refusedDays } from '../../db/queries/intent-counts.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { createTestConnection } from '../support/connection.ts';
import { createMailWorld, type MailWorld } from '../support/mail-world.ts';
import { refuseIntents, writeIntents } from '../support/write-back-rows.ts';

let api: TestApi;
let world: MailWorld;

beforeAll(async () => {
  api = await createTestApi();
  world = await createMailWorld(api);
});
afterAll(() => api[Symbol.asyncDispose]());

const get = async (path: string) =>
  (await api.call('GET', path, { key: world.ours.key })).body as Record<string, unknown>;
const intentsIn = (connection: unknown) =>
  (connection as { capabilities: { mail: { intents: object } } }).capabilities.mail.intents;

it('counts, for each connection, what waits and what was refused lately', async () => {
  const { vault } = world.ours;
  const { database } = api.deps;
  const imap = { host: 'imap.example', port: 993, security: 'tls', username: 'other' } as const;
  const other = await createTestConnection(database, vault, imap);
  const store = { database, vault, connectionId: world.connectionUuid };
  const beside = { database, vault, connectionId: other.connectionId };
  const path = `/v1/connections/${world.connection}`;
  expect(intentsIn(await get(path))).toEqual({ pending: 0, refused: 0 });

  await writeIntents(store, 'flags', 3);
  const reason = 'imap-write-refused';
  await refuseIntents(store, await writeIntents(store, 'move', 2), { reason });
  const lately = { reason, daysAgo: refusedDays - 1 };
  await refuseIntents(store, await writeIntents(store, 'delete', 1), lately);
  const longAgo = { reason, daysAgo: refusedDays };
  await refuseIntents(store, await writeIntents(store, 'delete', 1), longAgo);
  await writeIntents(beside, 'flags', 1);

  expect(intentsIn(await get(path))).toEqual({ pending: 3, refused: 3 });
  const { data } = await get('/v1/connections');
  expect((data as unknown[]).map(intentsIn)).toEqual([
    { pending: 1, refused: 0 },
    { pending: 3, refused: 3 },
  ]);
});
