import { createRandom } from '../emulators/imap/sample/random.ts';
import type { CapabilityLevel } from '../support/dovecot.ts';
import { startSyncedMailbox } from '../support/synced-mailbox.ts';
import { makeChange } from './changes.ts';
import { checkpoint } from './checkpoint.ts';
import { bring } from './mail-changes.ts';
import { openOtherClient } from './other-client.ts';

export interface StreamOptions {
  level: CapabilityLevel;
  seed: number;
  /** Whether to go on; asked after every checkpoint, with the changes made so far. */
  goOn: (changes: number) => boolean;
  say: (text: string) => void;
}

export interface StreamResult {
  changes: number;
  /** Changes that the server refused; more than a few would make the stream prove little. */
  refused: number;
  checkpoints: number;
  letters: number;
}

/** What the mailbox holds before the first change: enough for the deletion brake to have a say. */
const firstFolders = ['Projekte', 'Projekte.Büro', '請求書', 'Archive', 'Sent', 'Trash'];
const firstInInbox = 130;
const firstInFolders = 60;

/** So many changes lie between two checkpoints: many slices, and a story short enough to read. */
const changesPerCheckpoint = 40;

/** How often another client's change is followed by a poke, as a watch would give it. */
const pokeChance = 0.2;

/**
 * Lets another client change a mailbox at random while a real worker keeps the store in step, and
 * compares the two again and again. @throws with the seed and the story of what differs
 */
export async function runStream({ level, seed, goOn, say }: StreamOptions): Promise<StreamResult> {
  const mailbox = await startSyncedMailbox({ capabilities: level });
  const random = createRandom(seed);
  const client = await openOtherClient(mailbox.dovecot, random);
  const result: StreamResult = { changes: 0, refused: 0, checkpoints: 0, letters: 0 };
  try {
    for (const folder of firstFolders) await client.imap.mailboxCreate(folder);
    const fill = async (folder: string) => bring(client, folder, client.letters.next());
    for (let i = 0; i < firstInInbox; i += 1) await fill('INBOX');
    for (let i = 0; i < firstInFolders; i += 1) await fill(random.pick(firstFolders));
    let identities = await checkpoint(client, mailbox, new Map());
    do {
      for (let i = 0; i < changesPerCheckpoint; i += 1) {
        const done = await makeChange(client);
        result.changes += 1;
        if (!done) result.refused += 1;
        if (random.chance(pokeChance)) await mailbox.poke();
      }
      identities = await checkpoint(client, mailbox, identities);
      result.checkpoints += 1;
      result.letters = identities.size;
      say(`${level}: ${JSON.stringify(result)}, equal`);
    } while (goOn(result.changes));
    return result;
  } catch (cause) {
    throw new Error(`the stream failed on a ${level} server with seed ${seed}`, { cause });
  } finally {
    await client.close();
    await mailbox.stop();
  }
}
