import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { withTenantWrite } from '../../db/tenant.ts';
import { ProviderFailure, unexplainedCode } from '../../domain/failure.ts';
import { mailFlags } from '../../domain/mail.ts';
import { sealJson } from '../../domain/sealed-json.ts';
import { overridingWriter } from '../support/overriding-writer.ts';
import { startAskingMailbox, type AskingMailbox } from '../support/asking-mailbox.ts';

/** So many that vanish at once are a question first. */
const heldMin = 120;

/** What was asked for together: nothing overtakes, and nothing is destroyed that was to be saved. */

it('deletes a folder after the mail that was to leave it first, however long that takes', async () => {
  await using box = await startAskingMailbox('qresync');
  const { messageId, inBox } = await fill(box);
  await box.ask({ kind: 'move', messageId, folderId: inBox('Archive') });
  await box.ask({ kind: 'delete-folder', folderId: inBox('Box') });
  const report = await box.live(refusingOnce(box, 'move'));
  expect(report.outcome).toBe('more');
  expect(await states(box)).toEqual(['move pending', 'delete-folder pending']);
  expect(await contents(box)).toEqual({ INBOX: 0, Archive: 0, Box: 1 });
  await box.settle();
  expect(await states(box)).toEqual(['move done', 'delete-folder done']);
  expect(await contents(box)).toEqual({ INBOX: 0, Archive: 1 });
  expect(await box.differences()).toEqual([]);
});

it('does not delete a folder when the mail in it could not leave first', async () => {
  await using box = await startAskingMailbox('plain');
  const { messageId, inBox } = await fill(box);
  await box.ask({ kind: 'move', messageId, folderId: inBox('Archive') });
  await box.ask({ kind: 'delete-folder', folderId: inBox('Box') });
  await box.settle();
  expect(await states(box)).toEqual([
    'move refused: imap-removal-unsupported',
    'delete-folder refused: folder-not-emptied',
  ]);
  expect(await contents(box)).toEqual({ INBOX: 0, Archive: 0, Box: 1 });
  // Asked by somebody who can know of the refusal.
  await box.ask({ kind: 'delete-folder', folderId: inBox('Box') });
  await box.settle();
  expect((await states(box)).at(-1)).toBe('delete-folder done');
  expect(await contents(box)).toEqual({ INBOX: 0, Archive: 0 });
});

it('makes a folder after the one of that name has got another', async () => {
  await using box = await startAskingMailbox('qresync');
  const { inBox } = await fill(box);
  const renamed = { path: ['Old box'] };
  await box.ask({ kind: 'rename-folder', folderId: inBox('Box'), content: renamed });
  await box.ask({ kind: 'create-folder', content: { path: ['Box'] } });
  await box.live(refusingOnce(box, 'renameFolder'));
  expect(await states(box)).toEqual(['rename-folder pending', 'create-folder pending']);
  await box.settle();
  expect(await states(box)).toEqual(['rename-folder done', 'create-folder done']);
  expect(await contents(box)).toEqual({ INBOX: 0, Archive: 0, Box: 0, 'Old box': 1 });
});

it('carries out what a deletion had overtaken when that is refused', async () => {
  await using box = await startAskingMailbox('plain');
  const { messageId } = await fill(box);
  await box.ask({ kind: 'flags', messageId, addFlags: mailFlags.flagged });
  await box.ask({ kind: 'delete', messageId });
  const report = await box.live();
  expect(report.outcome).toBe('more');
  expect(await states(box)).toEqual(['flags pending', 'delete refused: imap-removal-unsupported']);
  await box.settle();
  expect((await states(box))[0]).toBe('flags done');
  await box.other.mailboxOpen('Box');
  expect(await box.other.search({ flagged: true })).toHaveLength(1);
});

it('moves where it was asked to first when the second place is gone', async () => {
  await using box = await startAskingMailbox('qresync');
  const { messageId, inBox } = await fill(box);
  await box.other.mailboxCreate('Passing');
  await box.settle();
  await box.ask({ kind: 'move', messageId, folderId: inBox('Archive') });
  await box.ask({ kind: 'move', messageId, folderId: inBox('Passing') });
  await box.other.mailboxDelete('Passing');
  // Dovecot ends the session that had the folder open; the slice after that one is asked.
  await box.live();
  await box.settle();
  expect(await states(box)).toEqual(['move done', 'move refused: imap-folder-missing']);
  expect(await contents(box)).toEqual({ INBOX: 0, Archive: 1, Box: 0 });
});

it('refuses to change a folder that is kept out of the sync', async () => {
  await using box = await startAskingMailbox('qresync');
  const { inBox } = await fill(box);
  await keepOut(box, 'Box');
  await box.settle();
  const renamed = { path: ['Old box'] };
  await box.ask({ kind: 'rename-folder', folderId: inBox('Box'), content: renamed });
  await box.ask({ kind: 'delete-folder', folderId: inBox('Box') });
  await box.settle();
  expect(await states(box)).toEqual([
    'rename-folder refused: folder-not-synced',
    'delete-folder refused: folder-not-synced',
  ]);
  expect(await contents(box)).toEqual({ INBOX: 0, Archive: 0, Box: 1 });
});

it('waits with what is asked of mail whose folder went, until its deletion is confirmed', async () => {
  await using box = await startAskingMailbox('qresync');
  const { messageId, inBox } = await fill(box);
  for (let i = 0; i < heldMin; i += 1) {
    await box.other.append('Box', `Message-ID: <more-${i}@x>\r\n\r\nhello\r\n`);
  }
  await box.settle();
  await box.other.mailboxDelete('Box');
  // Dovecot ends the session that had the folder open; the slice after that one is asked.
  await box.live();
  await box.live();
  await box.ask({ kind: 'flags', messageId, addFlags: mailFlags.flagged });
  await box.ask({ kind: 'move', messageId, folderId: inBox('Archive') });
  await box.live();
  expect(await states(box)).toEqual(['flags pending', 'move pending']);

  const { base, licence } = box.mailbox;
  await withTenantWrite(base.app, licence.tenantId, (tx) =>
    tx.execute(sql`update connections set deletions_confirmed_at = steward_now()`),
  );
  await box.live();
  await box.settle();
  expect(await states(box)).toEqual(['flags refused: message-gone', 'move refused: message-gone']);
  expect(await box.differences()).toEqual([]);
});

/** Two folders, one of which holds a message. */
async function fill(box: AskingMailbox) {
  for (const name of ['Archive', 'Box']) await box.other.mailboxCreate(name);
  await box.other.append('Box', 'Subject: keep me\r\nMessage-ID: <keep@x>\r\n\r\nhello\r\n');
  await box.settle();
  const { vault, licence, read } = box.mailbox;
  const inBox = (name: string) => vault.index('folder', licence.connectionId, name);
  const [row] = await read(sql`select message_id from placements where hidden_at is null`);
  return { messageId: row!['message_id'] as string, inBox };
}

/** The server says NO to one kind of command, once and without a reason. */
function refusingOnce({ mailbox }: AskingMailbox, command: 'move' | 'renameFolder') {
  let refused = false;
  const refuse = (asked: typeof command): void => {
    if (refused || asked !== command) return;
    refused = true;
    throw new ProviderFailure('conflict', 'No.', { code: unexplainedCode });
  };
  const mail = overridingWriter(mailbox.deps.mail, (write) => ({
    ...write,
    move: async (request) => {
      refuse('move');
      return await write.move(request);
    },
    renameFolder: async (folder, path) => {
      refuse('renameFolder');
      return await write.renameFolder(folder, path);
    },
  }));
  return { mail };
}

async function states({ mailbox }: AskingMailbox): Promise<string[]> {
  const rows = await mailbox.read(sql`select kind, state, reason from intents order by position`);
  return rows.map(({ kind, state, reason }) =>
    [`${kind as string} ${state as string}`, ...(state === 'refused' ? [reason] : [])].join(': '),
  );
}

/** How many messages the server has in each folder. */
async function contents({ dovecot }: AskingMailbox): Promise<Record<string, number>> {
  const client = await dovecot.imap();
  const counts: Record<string, number> = {};
  for (const { path } of await client.list()) {
    const { messages } = (await client.status(path, { messages: true })) || {};
    counts[path] = messages ?? -1;
  }
  await client.logout();
  return counts;
}

async function keepOut({ mailbox }: AskingMailbox, name: string): Promise<void> {
  const { vault, licence, base } = mailbox;
  const place = { table: 'connections', column: 'profile', rowId: licence.connectionId };
  const profile = { address: 'jane@x', host: '127.0.0.1', excludedFolders: [[name]] };
  const sealed = sql.param(sealJson(vault, place, profile));
  await withTenantWrite(base.app, licence.tenantId, (tx) =>
    tx.execute(sql`update connections set profile = ${sealed} where id = ${licence.connectionId}`),
  );
}
