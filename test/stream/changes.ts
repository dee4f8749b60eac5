import * as folderChanges from './folder-changes.ts';
import * as mailChanges from './mail-changes.ts';
import { RefusedError, type OtherClient } from './other-client.ts';

type MakeChange = (client: OtherClient) => Promise<void>;

/** How often each kind comes: mail moves all day, folders now and then, disasters rarely. */
const weights: readonly (readonly [weight: number, make: MakeChange])[] = [
  [24, mailChanges.append],
  [3, mailChanges.appendTwin],
  [14, mailChanges.changeFlags],
  [8, mailChanges.changeKeywords],
  [10, mailChanges.expunge],
  [14, mailChanges.move],
  [5, mailChanges.copy],
  [4, mailChanges.passThrough],
  [4, folderChanges.createFolder],
  [4, folderChanges.renameFolder],
  [2, folderChanges.deleteFolder],
  [2, folderChanges.recreateFolder],
  [3, folderChanges.renumberFolder],
  [1, mailChanges.massExpunge],
];

const total = weights.reduce((sum, [weight]) => sum + weight, 0);

/**
 * Makes one change of a kind that chance draws. A server that is busy with another session refuses
 * now and then, or ends the session; whatever it did by then is what the store has to equal.
 * Returns whether it obeyed.
 */
export async function makeChange(client: OtherClient): Promise<boolean> {
  try {
    await drawChange(client)(client);
    return true;
  } catch (error) {
    const { code, responseStatus, executedCommand } = error as Record<string, unknown>;
    // Of a folder that Steward renamed since it was listed the library says so in other words.
    const said = responseStatus === 'NO' || code === 'NotFound';
    const refused = error instanceof RefusedError || said;
    if (!refused && client.imap.usable) throw error;
    if (!client.imap.usable) await client.reopen();
    client.journal.note({ kind: `refused ${String(executedCommand)}`, folder: '', uids: [] });
    return false;
  }
}

function drawChange({ random }: OtherClient): MakeChange {
  let left = random.int(total);
  for (const [weight, make] of weights) {
    left -= weight;
    if (left < 0) return make;
  }
  throw new Error('the weights do not add up');
}
