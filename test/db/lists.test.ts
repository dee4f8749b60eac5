import { sql, type SQL } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tx } from '../../db/client.ts';
import { listMessages, listPlacements } from '../../db/queries/messages.ts';
import { listThreads } from '../../db/queries/threads.ts';
import { withTenant } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { Actor } from '../../domain/read-gate.ts';
import { createTestConnection } from '../support/connection.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestKeyring } from '../support/keys.ts';
import { addNeighbour, fillFolder } from '../support/neighbour.ts';

/** A mailbox that was imported a moment ago: nothing has told the planner how large it is. */
const messages = 3_000;
const limit = 5;

/** Rows that a page may look at, for each that it shows. */
const rowsPerShown = 20;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await addNeighbour(database);
});
afterAll(() => database.drop());

describe.each([
  ['knows nothing yet', async () => undefined],
  ['has seen other tenants only', async () => void (await database.owner.sql`analyze`)],
])('a page costs a page, although the planner %s', (_, learn) => {
  const window = { after: undefined, limit };
  let actor: Actor;
  let connectionId: string;

  beforeAll(async () => {
    await learn();
    ({ actor, connectionId } = await importMailbox());
  });

  const costOf = (query: (tx: Tx) => Promise<unknown>) => rowsLookedAt(actor.tenantId, query);

  it.each([
    ['of a connection', () => ({ connectionId })],
    ['of all connections', () => ({})],
  ])('of messages %s', async (__, filters) => {
    expect(await costOf((tx) => listMessages(tx, actor, filters(), window))).toBeLessThan(
      limit * rowsPerShown,
    );
  });

  it('of what a colleague tracks of another’s connection', async () => {
    const colleague = { ...actor, memberId: uuidv7() };
    const [shown] = await withTenant(database.app, actor.tenantId, (tx) =>
      listMessages(tx, colleague, { connectionId }, window),
    );
    expect(shown).toBeUndefined();
  });

  it('of threads', async () => {
    expect(await costOf((tx) => listThreads(tx, actor, connectionId, window))).toBeLessThan(
      limit * rowsPerShown,
    );
  });

  it('of the places of messages', async () => {
    const rows = await withTenant(database.app, actor.tenantId, (tx) =>
      listMessages(tx, actor, { connectionId }, window),
    );
    const ids = rows.map(({ id }) => id);
    expect(ids).toHaveLength(limit);
    expect(await costOf((tx) => listPlacements(tx, actor.tenantId, ids))).toBeLessThan(
      limit * rowsPerShown,
    );
  });

  it('of either while another folder is to be deleted with its mail', async () => {
    const { tenantId, memberId } = actor;
    await database.owner.sql`
      insert into intents (tenant_id, connection_id, id, member_id, kind, folder_id)
      values (${tenantId}, ${connectionId}, ${uuidv7()}, ${memberId}, 'delete-folder', ${uuidv7()})`;
    const lists = [
      (tx: Tx) => listMessages(tx, actor, { connectionId }, window),
      (tx: Tx) => listThreads(tx, actor, connectionId, window),
    ];
    for (const list of lists) {
      const shown = await withTenant(database.app, tenantId, list);
      expect(shown).toHaveLength(limit);
      // Each message that is looked at is asked where it lies.
      expect(await costOf(list)).toBeLessThan(2 * limit * rowsPerShown);
    }
  });
});

/** A mailbox of a new tenant. */
async function importMailbox(): Promise<{ actor: Actor; connectionId: string }> {
  const keyring = createTestKeyring(database.keys);
  const tenantId = uuidv7();
  await keyring.create(tenantId);
  await database.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  const memberId = uuidv7();
  const imap = { host: 'mail.example', port: 993, security: 'tls', username: 'a', password: 'b' };
  const vault = await keyring.vault(tenantId);
  const account = imap as Parameters<typeof createTestConnection>[2];
  const { connectionId } = await createTestConnection(database.app, vault, account, { memberId });
  await database.owner.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`insert into folders (tenant_id, connection_id, id, name, role, uid_validity)
      values (${tenantId}, ${connectionId}, ${connectionId}, '', 'inbox', '1')`;
    await fillFolder(tx, { tenantId, connectionId, folderId: connectionId }, messages);
  });
  return { actor: { tenantId, memberId }, connectionId };
}

/** A node of a plan that was carried out. */
interface PlanNode {
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

/** How many rows the statements of a query look at, those that they leave out among them. */
async function rowsLookedAt(
  tenantId: string,
  query: (tx: Tx) => Promise<unknown>,
): Promise<number> {
  return await withTenant(database.app, tenantId, async (tx) => {
    const statements: SQL[] = [];
    const execute = async (statement: SQL) => {
      statements.push(statement);
      return await tx.execute(statement);
    };
    await query({ execute } as unknown as Tx);
    let rows = 0;
    for (const statement of statements) {
      const [found] = await tx.execute<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
        sql`explain (analyze, format json) ${statement}`,
      );
      rows += rowsOf(found!['QUERY PLAN'][0]!.Plan);
    }
    return rows;
  });
}

function rowsOf(node: PlanNode): number {
  const own = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
  const below = (node.Plans ?? []).reduce((sum, child) => sum + rowsOf(child), 0);
  return own * node['Actual Loops'] + below;
}
