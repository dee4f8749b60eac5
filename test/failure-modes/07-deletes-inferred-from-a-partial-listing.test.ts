import { afterAll, beforeAll, expect, it } from 'vitest';
import { ProviderFailure } from '../../domain/failure.ts';
import type { ListingPage, MailSession } from '../../domain/provider.ts';
import {
  askOf,
  letter,
  looked,
  messageNamed,
  omitFolder,
  readStatus,
} from '../support/mailbox-rows.ts';
import { startSyncedMailbox, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

const messages = 150;

let mailbox: SyncedMailbox;

beforeAll(async () => {
  mailbox = await startSyncedMailbox({
    capabilities: 'plain',
    prepare: async (client) => {
      await client.mailboxCreate('Work');
      for (let i = 0; i < messages; i += 1) await client.append('Work', letter(`work-${i}@x`));
    },
  });
  await looked(mailbox);
}, 120_000);

afterAll(() => mailbox.stop());

it('a listing that breaks off halfway deletes nothing', async () => {
  const restore = breakListing(mailbox);
  await askOf(mailbox, 'reconcile_requested_at');
  await mailbox.poke();
  await waitFor(async () => (await readStatus(mailbox))['last_error_kind'] === 'provider-down', {
    what: 'the failure',
  });
  expect(await mailbox.differences()).toEqual([]);
  restore();
  await looked(mailbox);
  expect(await mailbox.differences()).toEqual([]);
});

it('a folder that one listing leaves out keeps its messages', async () => {
  const before = await messageNamed(mailbox, 'work-9@x');
  const list = omitFolder(mailbox, 'Work');
  await looked(mailbox);
  expect(await readStatus(mailbox)).toMatchObject({ deletions_held: messages });
  list();
  await looked(mailbox);
  expect(await messageNamed(mailbox, 'work-9@x')).toEqual(before);
  expect(await mailbox.differences()).toEqual([]);
});

/** Listings say half of what is there, and then the connection is lost. */
function breakListing({ worker }: SyncedMailbox): () => void {
  const { mail } = worker.deps;
  const { connect } = mail;
  mail.connect = async (account, signal) => {
    const session = await connect(account, signal);
    return { ...session, listing: (request) => halved(session, request) };
  };
  return () => {
    mail.connect = connect;
  };
}

async function* halved(
  session: MailSession,
  request: Parameters<MailSession['listing']>[0],
): AsyncGenerator<ListingPage> {
  for await (const { items } of session.listing(request)) {
    const half = items.slice(0, items.length / 2);
    yield { items: half, throughUid: half.at(-1)?.uid ?? request.afterUid };
    throw new ProviderFailure('provider-down', 'The connection was lost.');
  }
}
