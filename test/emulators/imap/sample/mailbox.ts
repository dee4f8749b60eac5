import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createMailboxes, type Mailboxes } from '../mailboxes.ts';
import type { Operation } from '../operations.ts';
import { sampleFolders } from './draw.ts';
import { openJournal } from './journal.ts';
import { createRandom } from './random.ts';
import { renderLetter } from './render.ts';
import { createStory, type Story } from './story.ts';

export interface SampleMailbox {
  mailboxes: Mailboxes;
  /** One more message arrives, and now and then a flag changes. */
  liveOn(): void;
}

/** What a sample mailbox is made from; kept, so that it is the same after a restart. */
interface Origin {
  seed: number;
  startedAt: number;
  uidValidity: number;
}

const seedDefault = 20_261;
const messagesAtFirst = 3_000;
/** How often a flag changes with an arrival. */
const flagChangeProbability = 0.4;
/** Flag changes draw apart from what arrives. */
const flagSalt = 13;

/**
 * Makes the sample mailbox of a state folder: some thousand messages of a made-up story, and what
 * the journal says happened since.
 */
export function openSampleMailbox(stateFolder: string): SampleMailbox {
  mkdirSync(stateFolder, { recursive: true });
  const { seed, startedAt, uidValidity } = readOrigin(path.join(stateFolder, 'origin.json'));
  const story = createStory({ seed, messages: messagesAtFirst, until: startedAt });
  const mailboxes = createMailboxes(uidValidity, (number) =>
    renderLetter(seed, story.letter(number)),
  );
  for (const [name, specialUse] of sampleFolders) mailboxes.create(name, specialUse);
  for (const { number, folder, flags, date } of story.past) {
    mailboxes.apply({ op: 'append', folder, sample: number, flags: [...flags], date });
  }
  const journal = openJournal(path.join(stateFolder, 'journal.jsonl'));
  let next = messagesAtFirst;
  const count = (operation: Operation): void => {
    if (operation.op === 'append' && operation.sample !== undefined) next = operation.sample + 1;
  };
  for (const operation of journal.read()) {
    dateArrival(story, operation);
    mailboxes.apply(operation);
    count(operation);
  }
  mailboxes.onChange((operation) => {
    journal.write(operation);
    count(operation);
  });
  return {
    mailboxes,
    liveOn: () => {
      const arrived = next;
      const { folder, flags } = story.letter(arrived);
      const operation: Operation = {
        ...{ op: 'append', sample: arrived, flags: [...flags], date: wholeSeconds(Date.now()) },
        // A client may have deleted the folder meanwhile.
        folder: mailboxes.find(folder) ? folder : 'INBOX',
      };
      dateArrival(story, operation);
      mailboxes.apply(operation);
      const random = createRandom(seed, flagSalt, arrived);
      if (random.chance(flagChangeProbability)) {
        readSomething(mailboxes, random.next());
      }
    },
  };
}

function readOrigin(file: string): Origin {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Origin;
  const startedAt = wholeSeconds(Date.now());
  const origin = { seed: seedDefault, startedAt, uidValidity: startedAt / 1_000 };
  // Renamed into place: a crash leaves no half of it behind.
  writeFileSync(`${file}.new`, JSON.stringify(origin));
  renameSync(`${file}.new`, file);
  return origin;
}

/** Dates of mail are whole seconds. */
function wholeSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1_000) * 1_000;
}

/** A letter beyond the past has no date until it arrives; answers to it quote that date. */
function dateArrival(story: Story, operation: Operation): void {
  if (operation.op !== 'append' || operation.sample === undefined) return;
  story.letter(operation.sample).date = operation.date;
}

/** Somebody reads an unread message of the inbox, or puts a flag on one that was read. */
function readSomething(mailboxes: Mailboxes, draw: number): void {
  const { messages } = mailboxes.folder('INBOX');
  const message = messages[Math.floor(draw * messages.length)];
  if (!message) return;
  const flag = message.flags.has('\\Seen') ? '\\Flagged' : '\\Seen';
  mailboxes.setFlags('INBOX', [message.uid], [flag], message.flags.has(flag) ? 'remove' : 'add');
}
