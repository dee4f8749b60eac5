import { createRandom } from '../emulators/imap/sample/random.ts';
import type { CapabilityLevel } from '../support/dovecot.ts';
import { startOperatedMailbox } from '../support/operated-mailbox.ts';
import { makeChange } from './changes.ts';
import { checkpoint, type Found, type Scene } from './checkpoint.ts';
import { bring } from './mail-changes.ts';
import { openOtherClient } from './other-client.ts';
import { createOwnChanges } from './own-changes.ts';

export interface StreamOptions {
  level: CapabilityLevel;
  seed: number;
  /** Whether Steward is asked for changes too. */
  writes: boolean;
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
  /** Steward's own changes, which were done; those that were refused, by the reason. */
  done: number;
  turnedDown: Record<string, number>;
}

/** What the mailbox holds before the first change: enough for the deletion brake to have a say. */
const firstFolders = ['Projekte', 'Projekte.Büro', '請求書', 'Archive', 'Sent', 'Trash'];
const firstInInbox = 130;
const firstInFolders = 60;

/** So many changes lie between two checkpoints: many slices, and a story short enough to read. */
const changesPerCheckpoint = 40;

/** How often Steward is asked for a change in between; it is carried out while others go on. */
const askChance = 0.4;

/** How often another client's change is followed by a poke, as a watch would give it. */
const pokeChance = 0.2;

/**
 * Lets another client change a mailbox at random while a real worker keeps the store in step, and
 * writes back what is asked of the real API; compares the two sides again and again.
 * @throws with the seed and the story of what differs
 */
export async function runStream(options: StreamOptions): Promise<StreamResult> {
  const { level, seed, writes, goOn, say } = options;
  const mailbox = await startOperatedMailbox({
    dovecot: { capabilities: level, folderIndex: false },
  });
  const random = createRandom(seed);
  const client = await openOtherClient(mailbox.dovecot, random);
  // Draws of its own: what Steward shows depends on its pace, and the stream must not.
  const ownRandom = createRandom(seed, 1);
  const own = createOwnChanges(mailbox, client, ownRandom);
  const scene: Scene = { level, mailbox, client, own };
  const result: StreamResult = {
    ...{ changes: 0, refused: 0, checkpoints: 0, letters: 0, done: 0, turnedDown: {} },
  };
  try {
    await fill(scene);
    let { identities } = await checkpoint(scene, new Map());
    do {
      for (let i = 0; i < changesPerCheckpoint; i += 1) {
        const obeyed = await makeChange(client);
        result.changes += 1;
        if (!obeyed) result.refused += 1;
        if (writes && ownRandom.chance(askChance)) await own.ask();
        if (random.chance(pokeChance)) await mailbox.poke();
      }
      const found = await checkpoint(scene, identities);
      identities = found.identities;
      count(result, found);
      say(`${level}: ${JSON.stringify(result)}, equal`);
    } while (goOn(result.changes));
    return result;
  } catch (cause) {
    // At once: the report of the test comes when the other levels have ended.
    say(`${level}: ${String(cause)}`);
    throw new Error(`the stream failed on a ${level} server with seed ${seed}`, { cause });
  } finally {
    await client.close();
    await mailbox[Symbol.asyncDispose]();
  }
}

async function fill({ client }: Scene): Promise<void> {
  for (const folder of firstFolders) await client.imap.mailboxCreate(folder);
  const put = async (folder: string) => bring(client, folder, client.letters.next());
  for (let i = 0; i < firstInInbox; i += 1) await put('INBOX');
  for (let i = 0; i < firstInFolders; i += 1) await put(client.random.pick(firstFolders));
}

function count(result: StreamResult, { identities, intents }: Found): void {
  result.checkpoints += 1;
  result.letters = identities.size;
  for (const { state, reason } of intents) {
    if (state === 'done') result.done += 1;
    else result.turnedDown[`${reason}`] = (result.turnedDown[`${reason}`] ?? 0) + 1;
  }
}
