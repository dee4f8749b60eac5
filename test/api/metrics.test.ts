import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFence } from '../../db/fence.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { createTestConnection } from '../support/connection.ts';
import { writeFolder } from '../support/mail-rows.ts';
import { writeReconciliation } from '../support/write-back-rows.ts';

let api: TestApi;

beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api[Symbol.asyncDispose]());

/** A mailbox whose last reconciliation found so much, in a tenant of its own. */
async function reconciled(
  name: string,
  { listed, stored, held }: { listed: number; stored: number; held: number },
): Promise<void> {
  const { vault } = await api.tenant(name);
  const database = api.database.app;
  const account = { host: 'mail.example', port: 993, username: name, password: 'secret' };
  const licence = await createTestConnection(database, vault, { ...account, security: 'tls' });
  const { connectionId } = licence;
  const { id } = await writeFolder({ database, vault, connectionId }, ['INBOX'], {
    stored,
    expected: listed,
  });
  await withFence(database, licence, (tx) =>
    tx.execute(sql`update sync_status
      set state = 'live', backfill_done_at = now(), deletions_held = ${held}
      where connection_id = ${connectionId}`),
  );
  const missing = listed - stored;
  const totals = { listed, stored, missingBefore: missing, missingAfter: missing };
  await writeReconciliation({ database, vault, connectionId }, id, totals, 5);
}

describe('the gauges of completeness', () => {
  it('are taken over all tenants: sums, and the least complete connection', async () => {
    await reconciled('one', { listed: 100, stored: 97, held: 30 });
    await reconciled('two', { listed: 10, stored: 8, held: 12 });
    const { body } = await api.call('GET', '/metrics');
    const text = String(body['text']);
    expect(text).toMatch(/^steward_messages_missing 5$/m);
    expect(text).toMatch(/^steward_completeness_min 0\.8$/m);
    expect(text).toMatch(/^steward_deletions_held 42$/m);
  });
});
