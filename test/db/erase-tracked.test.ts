import { expect, it, onTestFinished } from 'vitest';
import { withFence } from '../../db/fence.ts';
import { markTracked } from '../../db/queries/messages.ts';
import { eraseUntracked } from '../../db/queries/sync/erase.ts';
import { mail, openIngest } from '../support/ingest.ts';
import { waitFor } from '../support/wait-for.ts';

it('a message that is tracked at the moment at which untracked mail is erased stays', async () => {
  const ingest = await openIngest();
  onTestFinished(() => ingest.base.drop());
  const { licence } = ingest;
  const inbox = await ingest.makeFolder();
  await ingest.store(inbox, [mail(1, '<kept@x>'), mail(2, '<gone@x>')]);
  const [kept] = await ingest.messagesOf(inbox);
  let erasing: Promise<number> | undefined;
  await withFence(ingest.base.app, licence, async (tx) => {
    expect(await markTracked(tx, licence.tenantId, kept!.id)).toBe(true);
    erasing = withFence(ingest.base.app, licence, (later) => eraseUntracked(later, licence, 100));
    await waitFor(() => ingest.isAnybodyHeld(), { what: 'the eraser' });
  });
  expect(await erasing).toBe(1);
  expect((await ingest.messagesOf(inbox)).map(({ id }) => id)).toEqual([kept!.id]);
});
