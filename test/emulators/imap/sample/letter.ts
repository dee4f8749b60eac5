import type { Person, Phrasebook, Topic } from './phrasebook.ts';

/** Whose mailbox it is. */
export const owner: Person = { name: 'Sam Sample', address: 'sam@sample.example' };

interface Common {
  /** Its place in the mailbox's history; everything about it follows from seed and number. */
  number: number;
  /** Where it lies at first, with `/` between the levels. */
  folder: string;
  flags: readonly string[];
  /** Milliseconds. An arrival gets it when it arrives. */
  date: number;
}

/** One message of a conversation between the owner and a person. */
export interface Talk extends Common {
  kind: 'talk';
  book: Phrasebook;
  topic: Topic;
  person: Person;
  /** In copy, for some conversations. */
  third: Person | undefined;
  /** A number that is named in the conversation: of an invoice, of an order. */
  serial: number;
  /** From the owner. */
  outbound: boolean;
  /** What it answers, and through that the whole thread. */
  parent: Talk | undefined;
}

/** One issue of a newsletter, or junk, which looks much the same. */
export interface Bulk extends Common {
  kind: 'newsletter' | 'junk';
  issue: number;
}

export type Letter = Talk | Bulk;

/** How many messages of its thread came before. */
export function stepOf({ parent }: Talk): number {
  return parent === undefined ? 0 : stepOf(parent) + 1;
}
