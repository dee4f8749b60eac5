import { drawName, isWithin, separator } from './folder-names.ts';
import { bring } from './mail-changes.ts';
import { readTokens, refusal, type OtherClient } from './other-client.ts';
import { otherClientsHand } from './touches.ts';

/** What clients do to folders. */

/** UIDVALIDITY is a 32-bit number that only has to differ (RFC 9051 §2.3.1.1). */
const uidValidityMax = 2 ** 31;

export async function createFolder(client: OtherClient): Promise<void> {
  const name = drawName(client.random, await client.folders());
  if (name !== undefined) await create(client, name);
}

async function create({ imap, journal, touches }: OtherClient, folder: string): Promise<void> {
  touches.folder(folder, otherClientsHand);
  journal.note({ kind: 'create', folder, uids: [] });
  const { created } = await imap.mailboxCreate(folder);
  if (!created) throw refusal(`CREATE ${folder}`);
}

/** With everything below it; another folder may have had the new name before. */
export async function renameFolder(client: OtherClient): Promise<void> {
  const { random, imap, journal, touches } = client;
  const folders = await client.folders();
  const folder = random.pick(folders);
  const target = drawName(random, folders);
  if (target === undefined || folder === 'INBOX' || isWithin(target, folder)) return;
  for (const name of [folder, target]) touches.folder(name, otherClientsHand);
  journal.note({ kind: 'rename', folder, uids: [], target });
  const { newPath } = await imap.mailboxRename(folder, target);
  if (newPath !== target) throw refusal(`RENAME ${folder} to ${target}`);
}

export async function deleteFolder(client: OtherClient): Promise<void> {
  const folder = await drawLeaf(client);
  if (folder !== undefined) await drop(client, folder);
}

async function drop(client: OtherClient, folder: string): Promise<void> {
  const { journal, touches } = client;
  touches.folder(folder, otherClientsHand);
  await client.inFolder(folder, async (uids) => {
    touches.letters(await readTokens(client, uids), 'place');
  });
  journal.note({ kind: 'delete', folder, uids: [] });
  if (!(await client.imap.mailboxDelete(folder))) throw refusal(`DELETE ${folder}`);
}

/** The same name, another folder: new UIDVALIDITY, UIDs from one again, other messages. */
export async function recreateFolder(client: OtherClient): Promise<void> {
  const folder = await drawLeaf(client);
  if (folder === undefined) return;
  await drop(client, folder);
  await create(client, folder);
  const count = client.random.int(4);
  for (let i = 0; i < count; i += 1) await bring(client, folder, client.letters.next());
}

/** Folders below a deleted one would keep its name alive. */
async function drawLeaf({ random, folders }: OtherClient): Promise<string | undefined> {
  const all = await folders();
  const leaves = all.filter((name) => !all.some((other) => other.startsWith(name + separator)));
  const drawn = random.pick(leaves);
  return drawn === 'INBOX' ? undefined : drawn;
}

/** Same name, same messages, another UIDVALIDITY: a server that was restored or moved. */
export async function renumberFolder(client: OtherClient): Promise<void> {
  const { random, dovecot, journal } = client;
  const folder = random.pick(await client.folders());
  const uidValidity = String(1 + random.int(uidValidityMax));
  journal.note({ kind: 'renumber', folder, uids: [] });
  const command = ['mailbox', 'update', '-u', dovecot.user, '--uid-validity', uidValidity];
  await dovecot.doveadm(...command, folder);
}
