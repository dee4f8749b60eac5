import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tx } from '../../db/client.ts';
import { withFence, type Licence } from '../../db/fence.ts';
import { eraseRemains, findUnplaced, hideUnplaced } from '../../db/queries/sync/mend.ts';
import {
  eraseAddresses,
  eraseKeywords,
  eraseOrphans,
  findOrphans,
  findUnusedAddresses,
  findUnusedKeywords,
} from '../../db/queries/sync/unused-names.ts';
import { withTenant } from '../../db/tenant.ts';
import { fill, participants, people } from '../support/filled-mailbox.ts';
import { addNeighbour } from '../support/neighbour.ts';
import { openConnection, openIngest, type Ingest } from '../support/ingest.ts';
import { counted } from '../support/rows-read.ts';

/** The mailbox that is compared, and what the rest of its tenant has. */
const own = 1_000;
const others = 30_000;
const lowestId = '00000000-0000-0000-0000-000000000000';

/** Rows that the end of a comparison may read for each message of its own, in each of its steps. */
const rowsPerMessage = 2 + participants;

/** What is wrong with the mailbox, of each kind. */
const wrong = 5;

let ingest: Ingest;
beforeAll(async () => {
  ingest = await openIngest();
  await addNeighbour(ingest.base);
}, 60_000);
afterAll(() => ingest.base.drop());

describe.each<[string, () => Promise<Ingest>]>([
  ['knows nothing of any mailbox', async () => ingest],
  [
    'has seen the mailboxes of other tenants only',
    async () => {
      await ingest.base.owner.sql`analyze`;
      return await openIngest(ingest.base);
    },
  ],
  [
    'has seen other mailboxes of the tenant only',
    async () => {
      const tenant = await openIngest(ingest.base);
      await fill(tenant, others);
      await ingest.base.owner.sql`analyze`;
      return await openConnection(tenant.base, tenant.vault);
    },
  ],
])('the end of a comparison, although the planner %s', (_what, open) => {
  let mailbox: Ingest;

  beforeAll(async () => {
    const tenant = await open();
    await fill(tenant, others);
    mailbox = await openConnection(tenant.base, tenant.vault);
    await fill(mailbox, own);
    await spoil(mailbox);
  }, 120_000);

  it.each<[string, Find, Mend]>([
    ['messages that stand nowhere', findUnplaced, hideUnplaced],
    ['keywords that nothing uses', findUnusedKeywords, eraseKeywords],
    ['participants of no message', findOrphans, eraseOrphans],
  ])('finds %s among its own, and mends them by key', async (_which, find, mend) => {
    const { licence } = mailbox;
    const [found, cost] = await withTenant(mailbox.base.app, licence.tenantId, (tx) =>
      counted(tx, () => find(tx, licence)),
    );
    expect(found).toHaveLength(wrong);
    expect(cost).toBeLessThan(own * rowsPerMessage);
    const [mended, mending] = await withFence(mailbox.base.app, licence, (tx) =>
      counted(tx, () => mend(tx, licence, found)),
    );
    expect(mended).toBeGreaterThanOrEqual(wrong);
    // Of keywords the connection's own places are looked through once more.
    expect(mending).toBeLessThan(mend === eraseKeywords ? own * 2 : wrong * 50);
    const left = await withTenant(mailbox.base.app, licence.tenantId, (tx) => find(tx, licence));
    expect(left).toEqual([]);
  });

  it('finds addresses that nobody has by key, and mends them by key', async () => {
    const { licence } = mailbox;
    const [found, cost] = await withTenant(mailbox.base.app, licence.tenantId, (tx) =>
      counted(tx, () => findUnusedAddresses(tx, licence, lowestId)),
    );
    expect(found.unused).toHaveLength(wrong);
    expect(cost).toBeLessThan((people + wrong) * rowsPerMessage);
    const [erased, mending] = await withFence(mailbox.base.app, licence, (tx) =>
      counted(tx, () => eraseAddresses(tx, licence, found.unused)),
    );
    expect(erased).toBe(wrong);
    expect(mending).toBeLessThan(wrong * 50);
    const look = (after: string) =>
      withTenant(mailbox.base.app, licence.tenantId, (tx) =>
        findUnusedAddresses(tx, licence, after),
      );
    expect((await look(lowestId)).unused).toEqual([]);
    expect(await look((await look(lowestId)).last!)).toEqual({ unused: [] });
  });

  it('erases what remains of erased messages among its own', async () => {
    const { licence } = mailbox;
    const [, cost] = await withFence(mailbox.base.app, licence, (tx) =>
      counted(tx, () => eraseRemains(tx, licence)),
    );
    expect(cost).toBeLessThan(own * rowsPerMessage);
    const [left] = await mailbox.read(sql`
      select (select count(*)::int from placements p where ${nothingOf(licence)}) as places,
        (select count(*)::int from thread_references
          where connection_id = ${licence.connectionId}) as references`);
    expect(left).toEqual({ places: 0, references: own });
  });

  it('does not touch what others have', async () => {
    const [left] = await mailbox.read(sql`
      select count(*)::int as all, (count(*) filter (where hidden_at is null))::int as shown
      from messages where connection_id <> ${mailbox.licence.connectionId}`);
    expect(left!['shown']).toBe(left!['all']);
    const [addresses] = await mailbox.read(sql`
      select count(*)::int as nameless from participants t
      where not exists (select from addresses a where a.id = t.address_id)`);
    expect(addresses).toEqual({ nameless: 0 });
  });
});

type Find = (tx: Tx, licence: Licence) => Promise<string[]>;
type Mend = (tx: Tx, licence: Licence, ids: string[]) => Promise<number>;

/** Places of messages that are gone. */
const nothingOf = ({ connectionId }: Licence) => sql`p.connection_id = ${connectionId}
  and not exists (select from messages m where m.id = p.message_id)`;

/** Some of everything that the end of a comparison puts right. */
async function spoil({ base, licence }: Ingest): Promise<void> {
  const { tenantId, connectionId } = licence;
  await base.owner.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`
      insert into labels (tenant_id, connection_id, id, name)
      select ${tenantId}, ${connectionId}, gen_random_uuid(), '' from generate_series(1, ${wrong}::int)`;
    await tx`
      insert into addresses (tenant_id, id, address)
      select ${tenantId}, gen_random_uuid(), '' from generate_series(1, ${wrong}::int)`;
    await tx`
      insert into messages select (jsonb_populate_record(m,
        jsonb_build_object('id', gen_random_uuid()))).* from messages m
      where connection_id = ${connectionId} limit ${wrong}`;
    await tx`
      insert into participants (tenant_id, connection_id, message_id, role, address_id)
      select ${tenantId}, ${connectionId}, gen_random_uuid(), 'from', md5(${tenantId} || n)::uuid
      from generate_series(1, ${wrong}::int) n`;
    await tx`
      insert into placements (tenant_id, connection_id, folder_id, uid, message_id, flags, label_ids,
        version, hidden_at)
      select ${tenantId}, ${connectionId}, (select id from folders where connection_id =
          ${connectionId}), case n % 2 when 0 then -n else 1000000 + n end, gen_random_uuid(), 0,
        '{}', 0, case n % 2 when 1 then now() end
      from generate_series(1, ${2 * wrong}::int) n`;
    await tx`
      insert into thread_references (tenant_id, connection_id, message_id_index, thread_id)
      select ${tenantId}, ${connectionId}, gen_random_uuid(), gen_random_uuid()
      from generate_series(1, ${wrong}::int)`;
  });
}
