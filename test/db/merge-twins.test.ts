import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertIntents } from '../../db/queries/intents.ts';
import { withTenantWrite } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { mailFlags } from '../../domain/mail.ts';
import { mail, openIngest, type Ingest } from '../support/ingest.ts';

/** So that each way of joining is taken: with few rows, with more, and with a page of them. */
const counts = [5, 50, 400];

let ingest: Ingest;
beforeAll(async () => {
  ingest = await openIngest();
});
afterAll(() => ingest.base.drop());

describe.each([
  ['before anything is analysed', false],
  ['once the tables are analysed', true],
])('a message with a twin that is shown and some that are gone again, %s', (_when, analysed) => {
  it.each(counts)('of %i keeps all that people did to either', async (count) => {
    const { inbox, archive, olds } = await meetThreeTimes(count, analysed);
    // People track the one that is on its way, ask for something at each, and track none of the rest.
    await ingest.write(sql`update messages set tracked = true where hidden_at is not null`);
    await askForAll();
    await ingest.store(inbox, [], { vanished: uidsFrom(1, count), caughtUpAt: before });
    const rows = await ingest.messagesOf(archive);
    expect(rows.map(({ id }) => id)).toEqual(olds);
    expect(rows.filter(({ tracked }) => !tracked)).toEqual([]);
    const [left] = await ingest.read(sql`
      select count(*)::int as all, (count(distinct message_id))::int as messages from intents i
      where message_id = any(${sql.param(olds)}::uuid[])`);
    expect(left).toEqual({ all: 4 * count, messages: count });
  });

  it('is hidden when all of its twins are', async () => {
    const count = 50;
    const { inbox, archive, olds } = await meetThreeTimes(count, analysed);
    const vanished = uidsFrom(10_001, count);
    await ingest.store(archive, [], { vanished, caughtUpAt: before });
    await ingest.store(inbox, [], { vanished: uidsFrom(1, count), caughtUpAt: before });
    const rows = await ingest.read(sql`
      select count(*) filter (where hidden_at is null)::int as shown, count(*)::int as all
      from messages where id = any(${sql.param(olds)}::uuid[])`);
    expect(rows).toEqual([{ shown: 0, all: count }]);
  });
});

/** When all was in step last: before anything here was stored. */
const before = new Date(Date.now() - 60_000);

const uidsFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

/** Messages of the inbox that were met in the archive and in two folders that they have left again. */
async function meetThreeTimes(count: number, analysed: boolean) {
  const [inbox, archive, passed] = await ingest.makeThreeFolders();
  const passedAsWell = await ingest.makeFolder();
  const name = uuidv7();
  const page = (first: number) =>
    uidsFrom(first, count).map((uid, i) => mail(uid, `<${name}-${i}@x>`));
  await ingest.store(inbox, page(1));
  const olds = (await ingest.messagesOf(inbox)).map(({ id }) => id);
  await ingest.store(archive, page(10_001));
  await ingest.store(passed, page(20_001));
  await ingest.store(passedAsWell, page(30_001));
  if (analysed) await ingest.base.owner.sql`analyze`;
  // Without a time at which all was in step, neither is taken for the new place of the other.
  await ingest.store(passed, [], { vanished: uidsFrom(20_001, count) });
  await ingest.store(passedAsWell, [], { vanished: uidsFrom(30_001, count) });
  return { inbox, archive, olds };
}

/** A flag of every message that has none asked for yet. */
async function askForAll(): Promise<void> {
  const { tenantId, connectionId } = ingest.licence;
  const memberId = uuidv7();
  const messages = await ingest.read<{ id: string }>(sql`select id from messages m
    where not exists (select from intents i where i.message_id = m.id)`);
  await withTenantWrite(ingest.base.app, tenantId, (tx) =>
    insertIntents(
      tx,
      { tenantId, connectionId, memberId },
      messages.map(({ id: messageId }) => ({
        ...{ id: uuidv7(), kind: 'flags' as const, messageId, change: null },
        addFlags: mailFlags.flagged,
      })),
    ),
  );
}
