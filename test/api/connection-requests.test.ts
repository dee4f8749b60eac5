import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withTenant } from '../../db/tenant.ts';
import { createTestConsole, type Seeded, type TestConsole } from '../support/console.ts';

let world: TestConsole;
let seeded: Seeded;
let colleague: string;
let mailboxes = 0;

beforeAll(async () => {
  world = await createTestConsole({ verify: () => Promise.resolve() });
  colleague = await world.tenant.member('Colleague');
  await world.api.call('PATCH', `/v1/members/${colleague}`, {
    key: world.tenant.key,
    body: { role: 'admin' },
  });
});
beforeEach(async () => {
  mailboxes += 1;
  seeded = await world.connection(`jane-${mailboxes}@example.org`);
});
afterAll(() => world[Symbol.asyncDispose]());

const post = async (action: string, member = world.member) =>
  await world.api.call('POST', `/v1/connections/${seeded.id}/${action}`, {
    ...{ key: world.tenant.key, member },
  });

/** What stands with the connection as asked for. */
async function requests() {
  const { database, connectionId } = seeded.store;
  return await withTenant(database, world.tenant.uuid, async (tx) => {
    const [row] = await tx.execute<{ reconcile: boolean; confirmed: boolean }>(sql`
      select reconcile_requested_at is not null as reconcile,
        deletions_confirmed_at is not null as confirmed
      from connections where id = ${connectionId}`);
    return row;
  });
}

async function audited(): Promise<string[]> {
  const { body } = await world.api.call('GET', '/v1/audit', { key: world.tenant.key });
  const entries = body['data'] as { action: string; target: { id: string | null } }[];
  return entries.flatMap(({ action, target }) => (target.id === seeded.id ? action : []));
}

const nothing = { reconcile: false, confirmed: false };

describe('POST /v1/connections/{id}/reconcile', () => {
  it('is accepted, stands with the connection and is audited', async () => {
    expect(await post('reconcile')).toMatchObject({
      status: 202,
      body: { id: seeded.id, statusUrl: `/v1/connections/${seeded.id}` },
    });
    expect(await requests()).toEqual({ ...nothing, reconcile: true });
    expect(await audited()).toEqual(['connection.reconciliation-requested']);
  });

  it('is refused to a member whose mailbox it is not, and once it is disconnected', async () => {
    const stranger = await world.tenant.member(`Stranger-${mailboxes}`);
    expect(await post('reconcile', stranger)).toMatchObject({ status: 403 });
    expect(await requests()).toEqual(nothing);
    await world.api.call('DELETE', `/v1/connections/${seeded.id}`, { key: world.tenant.key });
    expect(await post('reconcile')).toMatchObject({ status: 409 });
    expect(await requests()).toEqual(nothing);
  });
});

describe('POST /v1/connections/{id}/confirm-deletions', () => {
  beforeEach(() => seeded.status(sql`state = 'confirm-deletions', deletions_held = 30`));

  it('lets pass what is held, said with the number or without', async () => {
    expect(await post('confirm-deletions?count=30')).toMatchObject({ status: 202 });
    expect(await requests()).toEqual({ ...nothing, confirmed: true });
    expect(await post('confirm-deletions')).toMatchObject({ status: 202 });
    expect(await audited()).toEqual([
      'connection.deletions-confirmed',
      'connection.deletions-confirmed',
    ]);
  });

  it('refuses another number than is held, and says which it is', async () => {
    const { status, body } = await post('confirm-deletions?count=29');
    expect({ status, code: body['code'] }).toEqual({ status: 409, code: 'deletions-changed' });
    expect(body['detail']).toMatch(/^30 deletions are held now/);
    expect(await requests()).toEqual(nothing);
  });

  it('refuses even an administrator: what was deleted only the owner knows', async () => {
    expect(await post('confirm-deletions', colleague)).toMatchObject({ status: 403 });
    expect(await requests()).toEqual(nothing);
  });

  it('confirms nothing where nothing is held', async () => {
    await seeded.status(sql`deletions_held = 0`);
    expect(await post('confirm-deletions')).toMatchObject({ status: 202 });
    expect(await requests()).toEqual(nothing);
    expect(await audited()).toEqual([]);
  });

  it('shows how many are held', async () => {
    const { body } = await world.api.call('GET', `/v1/connections/${seeded.id}`, {
      key: world.tenant.key,
    });
    expect(body).toMatchObject({
      state: 'confirm-deletions',
      capabilities: { mail: { deletionsHeld: 30 } },
    });
  });
});
