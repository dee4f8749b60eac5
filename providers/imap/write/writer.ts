import type { MailWriter } from '../../../domain/mail-writer.ts';
import type { Lease } from '../session-pool.ts';
import { changeFlags } from './change-flags.ts';
import { createFolder, deleteFolder, renameFolder } from './folders.ts';
import { copiesFrom, moveMessages } from './move.ts';
import { deleteMessages } from './remove.ts';

/**
 * The writing side of a session. `alone` runs a verb and notes when it did not come to its end: the
 * state of the connection is unknown then.
 */
export function createWriter(
  lease: Lease,
  alone: <T>(work: () => Promise<T>) => Promise<T>,
): MailWriter {
  return {
    changeFlags: (request) => alone(() => changeFlags(lease, request)),
    copiesFrom: (target) => alone(() => copiesFrom(lease, target)),
    move: (request) => alone(() => moveMessages(lease, request)),
    delete: (request) => alone(() => deleteMessages(lease, request)),
    createFolder: (path) => alone(() => createFolder(lease, path)),
    renameFolder: (collection, path) => alone(() => renameFolder(lease, collection, path)),
    deleteFolder: (collection) => alone(() => deleteFolder(lease, collection)),
  };
}
