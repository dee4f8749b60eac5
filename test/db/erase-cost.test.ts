import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withFence } from '../../db/fence.ts';
import type { Tx } from '../../db/client.ts';
import {
  eraseConnectionRest,
  eraseHidden,
  eraseHiddenPlaces,
} from '../../db/queries/sync/erase.ts';
import { fill } from '../support/filled-mailbox.ts';
import { openConnection, openIngest, type Ingest } from '../support/ingest.ts';
import { counted } from '../support/rows-read.ts';

const others = 30_000;
const own = 5_000;
/** Of its own: hidden for longer than the undo window. */
const hidden = 4_000;
const limit = 500;

/** Rows that may be read for each that is erased: it and its places, people, their other uses. */
const rowsPerErased = 30;

let mailbox: Ingest;
beforeAll(async () => {
  const tenant = await openIngest();
  await fill(tenant, others);
  mailbox = await openConnection(tenant.base, tenant.vault);
  await fill(mailbox, own);
  const { tenantId, connectionId } = mailbox.licence;
  await tenant.base.owner.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`
      update messages set hidden_at = now() - interval '2 days' where id in (
        select id from messages where connection_id = ${connectionId} limit ${hidden})`;
    await tx`
      update placements p set hidden_at = m.hidden_at from messages m
      where m.id = p.message_id and m.hidden_at is not null`;
    await tx`
      insert into tombstones (tenant_id, connection_id, folder_id, uid_validity, uid, at)
      select ${tenantId}, ${connectionId}, f.id, '1', n, now() - interval '31 days'
      from folders f, generate_series(1, ${hidden}::int) n where f.connection_id = ${connectionId}`;
  });
  await tenant.base.owner.sql`analyze`;
}, 60_000);
afterAll(() => mailbox.base.drop());

async function cost(work: (tx: Tx) => Promise<number | void>): Promise<[number, number]> {
  const { base, licence } = mailbox;
  const [result, read] = await withFence(base.app, licence, (tx) => counted(tx, () => work(tx)));
  return [result ?? 0, read];
}

async function left(): Promise<Record<string, unknown>> {
  const ofConnection = sql`connection_id = ${mailbox.licence.connectionId}`;
  const [row] = await mailbox.read(sql`
    select (select count(*)::int from messages where ${ofConnection}) as messages,
      (select count(*)::int from placements where ${ofConnection}) as places,
      (select count(*)::int from tombstones where ${ofConnection}) as tombstones`);
  return row!;
}

it('erases no more than it was asked to in one transaction, of messages, places and tombstones', async () => {
  const { licence } = mailbox;
  const [messages, read] = await cost((tx) => eraseHidden(tx, licence, limit));
  expect(messages).toBe(limit);
  expect(read).toBeLessThan(limit * rowsPerErased);
  expect(await left()).toEqual({
    ...{ messages: own - limit, places: own - limit, tombstones: hidden },
  });
  const [rows, reading] = await cost((tx) => eraseHiddenPlaces(tx, licence, limit));
  expect(rows).toBe(2 * limit);
  expect(reading).toBeLessThan(limit * rowsPerErased);
  expect(await left()).toEqual({
    ...{ messages: own - limit, places: own - 2 * limit, tombstones: hidden - limit },
  });
});

it('comes to the end when it is called until nothing is left', async () => {
  const { licence } = mailbox;
  for (const erase of [eraseHidden, eraseHiddenPlaces]) {
    for (let erased = 1; erased > 0;) [erased] = await cost((tx) => erase(tx, licence, limit));
  }
  expect(await left()).toEqual({ messages: own - hidden, places: own - hidden, tombstones: 0 });
});

it('erases the names of an ended connection without reading what its neighbours have', async () => {
  const { licence, makeFolder } = mailbox;
  const { tenantId, connectionId } = licence;
  const empty = await makeFolder();
  await mailbox.write(sql`
    insert into labels (tenant_id, connection_id, id, name)
    values (${tenantId}, ${connectionId}, ${empty}, '')`);
  const [, read] = await cost((tx) => eraseConnectionRest(tx, licence));
  // Keywords and the count look through the places that are left, and steps by folder at few.
  expect(read).toBeLessThan(own);
  const [row] = await mailbox.read(sql`
    select (select count(*)::int from folders where connection_id = ${connectionId}) as folders,
      (select stored from collections where connection_id = ${connectionId}) as stored,
      (select count(*)::int from labels where connection_id = ${connectionId}) as labels,
      (select count(*)::int from labels where connection_id <> ${connectionId}) as others`);
  expect(row).toEqual({ folders: 1, stored: own - hidden, labels: 20, others: 20 });
});
