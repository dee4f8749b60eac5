import { expect, it, onTestFinished } from 'vitest';
import { insertIntents } from '../../db/queries/intents.ts';
import { listPendingIntents } from '../../db/queries/sync/intents.ts';
import { withTenant, withTenantWrite } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { openIngest } from '../support/ingest.ts';

it('what was asked for is listed in that order, also where its numbers get a digit more', async () => {
  const ingest = await openIngest();
  onTestFinished(() => ingest.base.drop());
  const { tenantId, connectionId } = ingest.licence;
  const asked = Array.from({ length: 12 }, () => uuidv7());
  await withTenantWrite(ingest.base.app, tenantId, async (tx) => {
    const wishes = asked.map((id) => ({ id, kind: 'flags' as const, change: null }));
    await insertIntents(tx, { tenantId, connectionId, memberId: uuidv7() }, wishes);
  });
  const listed: string[] = [];
  for (let position = '0'; ;) {
    const page = await withTenant(ingest.base.app, tenantId, (tx) =>
      listPendingIntents(tx, ingest.licence, position, 5),
    );
    if (page.length === 0) break;
    listed.push(...page.map(({ id }) => id));
    position = page.at(-1)!.position;
  }
  expect(listed).toEqual(asked);
});
