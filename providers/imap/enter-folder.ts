import type { RemoteCollection } from '../../domain/provider.ts';
import { folderHangsUp, translateError } from './errors.ts';
import { reopenAfterHangUp } from './hang-ups.ts';
import { openFolder, type OpenFolder } from './open-folder.ts';
import type { Lease } from './session-pool.ts';
import { anotherOpens } from './witnesses.ts';

/**
 * Opens a folder; where the server ends the connection over that, once more in a new session.
 * @throws ProviderFailure, that of `folderHangsUp` when it ends that one too, but opens another folder
 */
export async function enterFolder(lease: Lease, collection: RemoteCollection): Promise<OpenFolder> {
  try {
    return await openFolder(lease, collection);
  } catch (error) {
    await reopenAfterHangUp(lease, error);
  }
  try {
    return await openFolder(lease, collection);
  } catch (error) {
    await reopenAfterHangUp(lease, error);
    throw (await anotherOpens(lease, collection)) ? folderHangsUp(error) : translateError(error);
  }
}
