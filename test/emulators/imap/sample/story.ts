import { dayMs, hourMs, minuteMs, secondMs } from '../../../../domain/clock.ts';
import { drawBulk, drawTalk, folderOf } from './draw.ts';
import { type Letter, stepOf, type Talk } from './letter.ts';
import { createRandom, type Random } from './random.ts';

/** What happened in a made-up mailbox, and what will happen next. */
export interface Story {
  /** The history, oldest first. */
  readonly past: readonly Letter[];
  /** Any letter by its number; those beyond the past are thought up when they are asked for. */
  letter(number: number): Letter;
}

export interface StoryOptions {
  seed: number;
  messages: number;
  /** The end of the history, in milliseconds. */
  until: number;
}

/** Two years: enough for a backfill that is worth watching. */
const pastMs = 730 * dayMs;
const threadLengthMax = 6;
/** How far back an arrival looks for a conversation to go on with. */
const recentLetters = 60;
/** Arrivals use draws of their own, apart from those of the history. */
const arrivalSalt = 1_000_003;

/** The same options tell the same story, to the byte. */
export function createStory({ seed, messages, until }: StoryOptions): Story {
  const random = createRandom(seed);
  const letters: Letter[] = [];
  while (letters.length < messages) {
    // More of it lies in the last months, as in most mailboxes.
    const begun = until - pastMs * random.next() ** 1.5;
    if (random.chance(0.3)) letters.push(drawBulk(random, begun, until));
    else letters.push(...drawThread(random, begun, until));
  }
  letters.length = messages;
  letters.sort((a, b) => a.date - b.date);
  // The newest mail is of today, whatever the draw was.
  letters.at(-1)!.date = until - 2 * minuteMs;
  for (const [i, letter] of letters.entries()) {
    letter.number = i;
    letter.date = Math.floor(letter.date / secondMs) * secondMs;
  }
  const past = letters.slice();

  return {
    past,
    letter: (number) => {
      while (letters.length <= number) letters.push(drawArrival(seed, letters));
      return letters[number]!;
    },
  };
}

function drawThread(random: Random, begun: number, until: number): Talk[] {
  const first = drawTalk(random, undefined, begun);
  const folder = folderOf(random, first, until - begun);
  const thread: Talk[] = [];
  const length = 1 + Math.min(random.int(threadLengthMax), random.int(threadLengthMax));
  let at = begun;
  for (let talk = first; at < until && thread.length < length;) {
    thread.push(talk);
    at += 20 * minuteMs + random.next() ** 2 * 50 * hourMs;
    talk = drawTalk(random, talk, at);
  }
  for (const [i, talk] of thread.entries()) {
    talk.folder = talk.outbound ? 'Sent' : folder;
    talk.flags = flagsOf(random, talk, { answered: i + 1 < thread.length, age: until - talk.date });
  }
  const last = thread.at(-1)!;
  // What the owner began to answer and did not finish.
  if (last.outbound && last.parent && until - last.date < 40 * dayMs && random.chance(0.5)) {
    Object.assign(last, { folder: 'Drafts', flags: ['\\Draft', '\\Seen'] });
    Object.assign(last.parent, { flags: ['\\Seen'] });
  }
  return thread;
}

function flagsOf(
  random: Random,
  { outbound }: Talk,
  { answered, age }: { answered: boolean; age: number },
): string[] {
  const isRead = outbound || answered || random.chance(age < 7 * dayMs ? 0.5 : 0.96);
  const flags = isRead ? ['\\Seen'] : [];
  if (answered && !outbound) flags.push('\\Answered');
  if (random.chance(0.04)) flags.push('\\Flagged');
  if (random.chance(0.05)) flags.push('$Important');
  return flags;
}

/** Mail that comes in after the history: an answer to a recent conversation, or something new. */
function drawArrival(seed: number, letters: readonly Letter[]): Letter {
  const number = letters.length;
  const random = createRandom(seed, arrivalSalt, number);
  const bulk = random.chance(0.15);
  const recent = letters.at(-1 - random.int(recentLetters));
  const goesOn = recent?.kind === 'talk' && !recent.flags.includes('\\Draft');
  const parent = goesOn && stepOf(recent) < threadLengthMax ? recent : undefined;
  const letter = bulk ? drawBulk(random, 0, 0) : drawTalk(random, parent, 0);
  // What arrives comes from others, even twice in a row.
  if (letter.kind === 'talk') letter.outbound = false;
  return { ...letter, number, folder: letter.kind === 'junk' ? 'Junk' : 'INBOX', flags: [] };
}
