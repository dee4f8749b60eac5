import type { ImapFlow } from 'imapflow';
import { ProviderFailure } from '../../../domain/failure.ts';
import type { RemoteCollection } from '../../../domain/provider.ts';
import type { Lease } from '../session-pool.ts';
import { folderNameInvalid, translatedWrite } from './refusals.ts';

/** RFC 9051 §6.3.4. One that is there already is as good as made. */
export async function createFolder(lease: Lease, path: string[]): Promise<string[]> {
  const { client } = lease.connection;
  const name = joinPath(client, path);
  const made = await translatedWrite(client.mailboxCreate(name));
  return made.path.split(separatorOf(client));
}

/** RFC 9051 §6.3.6: folders inside it go with it. */
export async function renameFolder(
  lease: Lease,
  { ref }: RemoteCollection,
  path: string[],
): Promise<string[]> {
  const { client } = lease.connection;
  const renamed = await translatedWrite(client.mailboxRename(ref, joinPath(client, path)));
  return renamed.newPath.split(separatorOf(client));
}

/** RFC 9051 §6.3.5, with its messages. One that is gone already is as good as deleted. */
export async function deleteFolder(lease: Lease, { ref }: RemoteCollection): Promise<void> {
  try {
    await translatedWrite(lease.connection.client.mailboxDelete(ref));
  } catch (error) {
    if (error instanceof ProviderFailure && error.kind === 'not-found') return;
    throw error;
  }
}

function joinPath(client: ImapFlow, path: string[]): string {
  const separator = separatorOf(client);
  if (path.some((name) => name.includes(separator))) throw folderNameInvalid();
  return path.join(separator);
}

/** A server without NAMESPACE has told its separator with LIST; imapflow keeps it there too. */
function separatorOf({ namespace }: ImapFlow): string {
  return namespace?.delimiter || '/';
}
