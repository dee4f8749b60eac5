import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { insertIntents } from '../../db/queries/intents.ts';
import { holdMessage } from '../../db/queries/messages.ts';
import { withTenantWrite } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { mailFlags } from '../../domain/mail.ts';
import { mail, openIngest, type Ingest } from '../support/ingest.ts';
import { waitFor } from '../support/wait-for.ts';

let ingest: Ingest;

beforeAll(async () => {
  ingest = await openIngest();
});
afterAll(() => ingest.base.drop());

/** A message that was met at its new place first has two ids until its old place is looked at. */
async function movedMessage(): Promise<{
  old: string;
  twin: string;
  leave: () => Promise<unknown>;
}> {
  const [inbox, archive] = await ingest.makeThreeFolders();
  const caughtUpAt = new Date(Date.now() - 1_000);
  const messageId = `<${uuidv7()}@x>`;
  await ingest.store(inbox, [mail(1, messageId)]);
  await ingest.store(archive, [mail(7, messageId)]);
  const [[old], [twin]] = [await ingest.messagesOf(inbox), await ingest.messagesOf(archive)];
  const leave = () => ingest.store(inbox, [], { vanished: [1], caughtUpAt });
  return { old: old!.id, twin: twin!.id, leave };
}

it('what is asked of a message at the moment at which it becomes another goes along', async () => {
  const { old, twin, leave } = await movedMessage();
  const { tenantId, connectionId } = ingest.licence;
  const id = uuidv7();
  let merging: Promise<unknown> | undefined;
  await withTenantWrite(ingest.base.app, tenantId, async (tx) => {
    expect(await holdMessage(tx, tenantId, twin)).toBe(true);
    let ended = false;
    merging = leave().finally(() => (ended = true));
    await waitFor(async () => ended || (await ingest.isAnybodyHeld()), { what: 'the merge' });
    expect(ended).toBe(false);
    await insertIntents(tx, { tenantId, connectionId, memberId: uuidv7() }, [
      { id, kind: 'flags', messageId: twin, addFlags: mailFlags.flagged, change: null },
    ]);
  });
  await merging;
  const intents = await ingest.read(sql`select message_id from intents where id = ${id}`);
  expect(intents).toEqual([{ message_id: old }]);
});

it('nothing can be asked of a message that has become another', async () => {
  const { twin, leave } = await movedMessage();
  await leave();
  const { tenantId } = ingest.licence;
  const held = withTenantWrite(ingest.base.app, tenantId, (tx) => holdMessage(tx, tenantId, twin));
  expect(await held).toBe(false);
});
