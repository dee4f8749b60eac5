import { parsePublicId, toPublicId } from '../../domain/ids.ts';
import type { TestApi, TestTenant } from './api.ts';
import { createTestConnection } from './connection.ts';
import { writeFolder, writeMessage, writeSkip } from './mail-rows.ts';

/** Two tenants; in the first a member with mail and one without. All ids are public ones. */
export interface MailWorld {
  ours: TestTenant;
  apiKey: string;
  owner: string;
  colleague: string;
  connection: string;
  connectionUuid: string;
  folder: string;
  untracked: string;
  untrackedThread: string;
  tracked: string;
  trackedThread: string;
  skip: string;
  theirs: TestTenant;
  stranger: string;
}

/** Words that stand in the world's mail, and nowhere else. */
export const markers = {
  subject: 'Zinnobergruen-subject',
  body: 'Zinnobergruen-body',
  sender: 'zinnobergruen-sender@example.org',
  folder: 'Zinnobergruen-folder',
  keyword: 'zinnobergruen-keyword',
  account: 'zinnobergruen-account@example.org',
  password: 'Zinnobergruen-password',
};

export async function createMailWorld(api: TestApi): Promise<MailWorld> {
  const ours = await api.tenant('Ours');
  const theirs = await api.tenant('Theirs');
  const owner = await ours.member('Owner');
  const colleague = await ours.member('Colleague');
  const stranger = await theirs.member('Stranger');
  const database = api.deps.database;
  const { connectionId } = await createTestConnection(
    database,
    ours.vault,
    {
      host: 'imap.example.org',
      port: 993,
      security: 'tls',
      username: markers.account,
      password: markers.password,
    },
    { memberId: parsePublicId('member', owner)!, excludedFolders: [[markers.folder]] },
  );
  const store = { database, vault: ours.vault, connectionId };
  const folder = await writeFolder(store, ['Parent', markers.folder], { stored: 2, expected: 3 });
  const marked = {
    subject: markers.subject,
    text: markers.body,
    html: `<p>${markers.body}</p>`,
    from: markers.sender,
    keywords: [markers.keyword],
  };
  const untracked = await writeMessage(store, folder, { uid: 1, ...marked, flags: 5 });
  const tracked = await writeMessage(store, folder, {
    uid: 2,
    subject: 'Shared',
    tracked: true,
    keywords: [markers.keyword],
  });
  const skip = await writeSkip(store, folder, 3);
  const thread = (id: string) => toPublicId('thread', ours.vault.index('message', 'thread', id));
  const keys = await api.call('GET', '/v1/api-keys', { key: ours.key });
  return {
    ours,
    apiKey: String(keys.body.data[0]!['id']),
    owner,
    colleague,
    connection: toPublicId('connection', connectionId),
    connectionUuid: connectionId,
    folder: toPublicId('folder', folder.id),
    untracked: toPublicId('message', untracked),
    untrackedThread: thread(untracked),
    tracked: toPublicId('message', tracked),
    trackedThread: thread(tracked),
    skip: toPublicId('skip', skip),
    theirs,
    stranger,
  };
}
