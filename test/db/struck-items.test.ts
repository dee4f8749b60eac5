import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFence } from '../../db/fence.ts';
import type { Tx } from '../../db/client.ts';
import { listSkips } from '../../db/queries/skips.ts';
import { emptyFolder, hideFolder, recordTrouble } from '../../db/queries/sync/folders.ts';
import { beginResync } from '../../db/queries/sync/resync.ts';
import { eraseRemains } from '../../db/queries/sync/mend.ts';
import { listStruckItems } from '../../db/queries/sync/strikes.ts';
import { readProgress } from '../../db/queries/progress.ts';
import { withTenant } from '../../db/tenant.ts';
import { mail, openIngest, type Ingest } from '../support/ingest.ts';

/** More than a slice tries. */
const many = Array.from({ length: 450 }, (_, i) => ({ uid: i + 1, reason: 'unreadable' as const }));
const one = [{ uid: 7, reason: 'unreadable' as const }];

/** Ids in whose order the folders' items are tried: the first one's alone are more than a slice tries. */
const [first, second] = [
  '0192f0c1-0000-7000-8000-000000000001',
  'ff92f0c1-0000-7000-8000-000000000002',
];

let ingest: Ingest;
beforeEach(async () => {
  ingest = await openIngest();
  await ingest.makeFolder(first);
  await ingest.makeFolder(second);
  await ingest.store(second, [], { failures: one });
});
afterEach(() => ingest.base.drop());

const write = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
  withFence(ingest.base.app, ingest.licence, work);

/** How many of each folder are tried. */
async function tried(): Promise<Record<string, number>> {
  const items = await withTenant(ingest.base.app, ingest.licence.tenantId, (tx) =>
    listStruckItems(tx, ingest.licence),
  );
  return Object.fromEntries([...items].map(([folder, list]) => [folder, list.length]));
}

/** What the API lists of a folder. */
async function listed(folderId: string): Promise<number> {
  const { tenantId, connectionId } = ingest.licence;
  const rows = await withTenant(ingest.base.app, tenantId, (tx) =>
    listSkips(tx, { tenantId, connectionId }, { after: undefined, limit: 1_000 }),
  );
  return rows.filter((row) => row.folderId === folderId).length;
}

describe('items that failed, in a folder that is not read', () => {
  const seen = { caughtUpAt: null, inferred: false };

  it.each<[string, (tx: Tx) => Promise<unknown>]>([
    ['is gone', (tx) => hideFolder(tx, ingest.licence, first, seen)],
    ['is excluded', (tx) => emptyFolder(tx, ingest.licence, first, null)],
  ])('go when it %s, and with them what lacks', async (_what, leave) => {
    for (let look = 0; look < 3; look += 1) {
      await ingest.store(first, [], { failures: many });
    }
    await write(leave);
    expect(await listed(first)).toBe(0);
    expect(await tried()).toEqual({ [second]: 1 });
    const { tenantId, connectionId } = ingest.licence;
    const [progress] = await withTenant(ingest.base.app, tenantId, (tx) =>
      readProgress(tx, tenantId, [connectionId]),
    );
    expect(progress).toMatchObject({ skips: 0 });
  });

  it.each<[string, () => Promise<unknown>]>([
    [
      'was hidden',
      () => ingest.write(sql`update folders set hidden_at = now() where id = ${first}`),
    ],
    [
      'was excluded',
      () => ingest.write(sql`update folders set excluded = true where id = ${first}`),
    ],
    [
      'was renumbered',
      () => ingest.write(sql`update folders set uid_validity = '2' where id = ${first}`),
    ],
  ])(
    'do not hold up others where they were left when it %s, and go with the next comparison',
    async (_what, leave) => {
      await ingest.store(first, [], { failures: many });
      await leave();
      expect(await tried()).toEqual({ [second]: 1 });
      await write((tx) => eraseRemains(tx, ingest.licence));
      expect([await listed(first), await listed(second)]).toEqual([0, 1]);
    },
  );

  it('do not hold up others while it cannot be opened', async () => {
    await ingest.store(first, [], { failures: many });
    const note = (trouble: string | null) =>
      write((tx) => recordTrouble(tx, ingest.licence, first, { trouble, caughtUpAt: null }));
    await note('imap-no-permission');
    expect(await tried()).toEqual({ [second]: 1 });
    await note(null);
    expect(await tried()).toEqual({ [first]: 400 });
    await write((tx) => eraseRemains(tx, ingest.licence));
    expect(await listed(first)).toBe(many.length);
  });

  it('do not hold up others while the deletion of the folder waits for its owner', async () => {
    const mails = Array.from({ length: 120 }, (_, i) => mail(1_000 + i, `<${i}@x>`));
    await ingest.store(first, mails, { failures: many });
    await write((tx) =>
      hideFolder(tx, ingest.licence, first, { caughtUpAt: null, inferred: true }),
    );
    expect(await ingest.messagesOf(first)).toHaveLength(mails.length);
    expect(await tried()).toEqual({ [second]: 1 });
    // It is not gone yet, so that it still lacks them.
    expect(await listed(first)).toBe(many.length);
  });

  it('go when a folder of which nothing else was stored comes back under another numbering', async () => {
    await ingest.store(first, [], { failures: many });
    await write((tx) =>
      tx.execute(sql`update connections set resync_requested_at = steward_now()`),
    );
    await write((tx) => beginResync(tx, ingest.licence));
    await ingest.makeFolder(first, '2');
    await ingest.makeFolder(second, '1');
    expect([await listed(first), await listed(second)]).toEqual([0, 1]);
  });
});
