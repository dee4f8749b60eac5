import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTenant, withTransition } from '../../db/tenant.ts';
import { workflowIds } from '../../workflows/contract.ts';
import { startSyncedMailbox, withClient, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

const messages = 2_000;

/** The bar of the design: events in Temporal per thousand imported messages. */
const eventsPerThousandMax = 20;

describe.each(['qresync', 'condstore', 'plain'] as const)(
  'mailbox sync with a %s server',
  (capabilities) => {
    let mailbox: SyncedMailbox;

    beforeAll(async () => {
      const generate = { messages, folders: 8, seed: 7, mix: 'usual' } as const;
      mailbox = await startSyncedMailbox({ capabilities, generate });
    }, 120_000);

    afterAll(() => mailbox.stop());

    it('imports a mailbox completely: UIDs, flags and bodies equal', async () => {
      await mailbox.waitForState('live');
      expect(await mailbox.differences()).toEqual([]);
      const events = await eventsOfImport(mailbox);
      expect(events).toBeGreaterThan(0);
      expect(events).toBeLessThanOrEqual((eventsPerThousandMax * messages) / 1_000);
    });

    it('stores new mail, flags and expunges', async () => {
      await withClient(mailbox.dovecot, async (client) => {
        await client.append('INBOX', mail('fresh'));
        const lock = await client.getMailboxLock('INBOX');
        await client.messageFlagsAdd('1:3', ['\\Seen', '\\Flagged']);
        await client.messageDelete('4:6');
        lock.release();
      });
      await mailbox.poke();
      await expectEqual(mailbox);
    });

    it('keeps the id of a message that is moved', async () => {
      const before = await newestIds(mailbox);
      await withClient(mailbox.dovecot, async (client) => {
        await client.mailboxCreate('Moved');
        const lock = await client.getMailboxLock('INBOX');
        await client.messageMove('*', 'Moved');
        lock.release();
      });
      await mailbox.poke();
      await expectEqual(mailbox);
      expect(await newestIds(mailbox)).toEqual(before);
    });

    it('stops when paused and goes on when resumed', async () => {
      await want(mailbox, 'paused');
      await mailbox.waitForState('paused');
      await withClient(mailbox.dovecot, async (client) => {
        await client.append('INBOX', mail('later'));
      });
      await mailbox.poke();
      await mailbox.waitForState('paused');
      expect(await mailbox.differences()).toHaveLength(1);
      await want(mailbox, 'run');
      await mailbox.waitForState('live');
      await expectEqual(mailbox);
    });

    it('brings the work back when Temporal has lost it', async () => {
      await handleOf(mailbox).terminate('a test loses it');
      expect(await waitFor(() => mailbox.ensure())).toBeGreaterThan(0);
      await waitFor(async () => (await handleOf(mailbox).describe()).status.name === 'RUNNING');
    });

    it('erases the mail of a disconnected connection and ends its workflow', async () => {
      const { base, licence } = mailbox;
      await withTransition(base.app, licence.tenantId, async (tx) => {
        await tx.execute(sql`
        update directory.connections set wanted = 'disconnected', generation = generation + 1
        where id = ${licence.connectionId}`);
        await tx.execute(sql`
        update connections set credentials = null, disconnected_at = now(), erase_after = now()
        where id = ${licence.connectionId}`);
      });
      await mailbox.poke();
      await handleOf(mailbox).result();
      const left = await withTenant(base.app, licence.tenantId, (tx) =>
        tx.execute(sql`select count(*)::int as count from messages`),
      );
      expect(left[0]).toEqual({ count: 0 });
    });
  },
);

const mail = (id: string) => `Subject: ${id}\r\nMessage-ID: <${id}@x>\r\n\r\nhello\r\n`;

function handleOf({ worker, licence }: SyncedMailbox) {
  return worker.client.workflow.getHandle(workflowIds.mailboxSync(licence.connectionId));
}

/** How long the history is when the import is done: what follows is no matter of how much came. */
async function eventsOfImport(mailbox: SyncedMailbox): Promise<number> {
  const { events } = await handleOf(mailbox).fetchHistory();
  const slices = events!
    .filter(
      ({ activityTaskScheduledEventAttributes: scheduled }) =>
        scheduled?.activityType?.name === 'runBackfillSlice',
    )
    .map(({ eventId }) => String(eventId));
  const ended = events!.findLastIndex(({ activityTaskCompletedEventAttributes: completed }) =>
    slices.includes(String(completed?.scheduledEventId)),
  );
  return ended + 1;
}

async function want(mailbox: SyncedMailbox, wanted: 'run' | 'paused'): Promise<void> {
  await mailbox.base.app.db.execute(sql`
    update directory.connections set wanted = ${wanted}
    where id = ${mailbox.licence.connectionId}`);
  await mailbox.poke();
}

/** Ids of what came last: the mail that the test before appended and this one moves. */
async function newestIds({ base, licence }: SyncedMailbox): Promise<unknown[]> {
  return await withTenant(base.app, licence.tenantId, (tx) =>
    tx.execute(sql`
      select id from messages where hidden_at is null order by received_at desc limit 3`),
  );
}

async function expectEqual(mailbox: SyncedMailbox): Promise<void> {
  await waitFor(async () => (await mailbox.differences()).length === 0, { what: 'equality' });
  expect(await mailbox.differences()).toEqual([]);
}
