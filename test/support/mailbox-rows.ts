import { sql } from 'drizzle-orm';
import { withTenant } from '../../db/tenant.ts';
import { withClient, type SyncedMailbox } from './synced-mailbox.ts';
import { waitFor } from './wait-for.ts';

export interface StatusRow extends Record<string, unknown> {
  state: string;
  deletions_held: number;
  caught_up_at: string | null;
  backfill_done_at: string | null;
}

export async function readStatus(mailbox: SyncedMailbox): Promise<StatusRow> {
  const [row] = await rowsOf<StatusRow>(mailbox, sql`select * from sync_status`);
  return row!;
}

/** What the application's role sees of the mailbox's tenant. */
export async function rowsOf<T extends Record<string, unknown>>(
  { base, licence }: SyncedMailbox,
  query: ReturnType<typeof sql>,
): Promise<T[]> {
  const rows = await withTenant(base.app, licence.tenantId, (tx) => tx.execute(query));
  return [...rows] as T[];
}

export interface MessageIdentity extends Record<string, unknown> {
  id: string;
  thread_id: string;
  tracked: boolean;
  hidden: boolean;
}

/** The rows of a Message-ID without its brackets, shown ones first. */
export async function messagesNamed(
  mailbox: SyncedMailbox,
  messageId: string,
): Promise<MessageIdentity[]> {
  const index = mailbox.vault.index('message-id', `<${messageId}>`);
  return await rowsOf<MessageIdentity>(
    mailbox,
    sql`select id, thread_id, tracked, hidden_at is not null as hidden from messages
      where message_id_index = ${index} order by hidden, id`,
  );
}

/** The one row of a Message-ID that people see. */
export async function messageNamed(
  mailbox: SyncedMailbox,
  messageId: string,
): Promise<MessageIdentity> {
  const shown = (await messagesNamed(mailbox, messageId)).filter(({ hidden }) => !hidden);
  if (shown.length !== 1) throw new Error(`${shown.length} messages are shown as ${messageId}`);
  return shown[0]!;
}

/** Pokes, and waits until a look that began afterwards found everything in step and imported. */
export async function looked(mailbox: SyncedMailbox): Promise<void> {
  const [clock] = await rowsOf<{ now: string }>(mailbox, sql`select clock_timestamp() as now`);
  await mailbox.poke();
  await waitFor(
    async () => {
      const { caught_up_at: at, backfill_done_at: done } = await readStatus(mailbox);
      return at !== null && done !== null && Date.parse(at) >= Date.parse(clock!.now);
    },
    { what: 'a look at the whole mailbox', timeoutMs: 45_000 },
  );
}

/** Makes the server's listing leave a folder out; returns what makes it complete again. */
export function omitFolder({ worker }: SyncedMailbox, ref: string): () => void {
  const { mail } = worker.deps;
  const { connect } = mail;
  mail.connect = async (account, signal) => {
    const session = await connect(account, signal);
    const collections = async () =>
      (await session.collections()).filter((collection) => collection.ref !== ref);
    return { ...session, collections };
  };
  return () => {
    mail.connect = connect;
  };
}

/** A message whose Message-ID is this id, in brackets; a given date makes twins of copies. */
export function letter(id: string, lines: string[] = []): string {
  return [
    `Message-ID: <${id}>`,
    `Subject: ${id}`,
    'From: Ann <ann@example.org>',
    'To: jane@example.com',
    ...lines,
    '',
    `The text of ${id}.`,
    '',
  ].join('\r\n');
}

/** Appends letters to a folder, `<prefix>-0@x` and so on. */
export async function appendLetters(
  mailbox: Pick<SyncedMailbox, 'dovecot'>,
  folder: string,
  prefix: string,
  count: number,
): Promise<void> {
  await withClient(mailbox.dovecot, async (client) => {
    for (let i = 0; i < count; i += 1) await client.append(folder, letter(`${prefix}-${i}@x`));
  });
}

/** Another client removes messages, by their place in the folder. */
export async function expunge(
  { dovecot }: Pick<SyncedMailbox, 'dovecot'>,
  folder: string,
  range: string,
): Promise<void> {
  await withClient(dovecot, async (client) => {
    await client.mailboxOpen(folder);
    await client.messageDelete(range);
  });
}

/** Another client moves messages, by their place in the folder. */
export async function move(
  { dovecot }: Pick<SyncedMailbox, 'dovecot'>,
  range: string,
  { from, to }: { from: string; to: string },
): Promise<void> {
  await withClient(dovecot, async (client) => {
    await client.mailboxOpen(from);
    await client.messageMove(range, to);
  });
}

/** A column of the connection, as the API writes what its owner says. */
export async function askOf(
  { base, licence }: Pick<SyncedMailbox, 'base' | 'licence'>,
  column: 'deletions_confirmed_at' | 'reconcile_requested_at' | 'resync_requested_at',
): Promise<void> {
  await base.owner.sql`
    update connections set ${base.owner.sql(column)} = now() where id = ${licence.connectionId}`;
}
