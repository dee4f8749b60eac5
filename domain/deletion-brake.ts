/** What a collection has lost, and would lose, to deletions that are inferred from a listing. */
export interface BrakeFacts {
  /** Items that the store shows now, those that are held included. */
  stored: number;
  /** Inferred deletions that passed within the last day, and that nobody has confirmed. */
  recent: number;
  /** Inferred deletions that are held already. */
  held: number;
}

/** A small collection may be emptied by hand in a minute; nobody wants to be asked about that. */
const smallCollectionMax = 100;

/** What a person tidies away in a day stays below; a folder that a server lost does not. */
const shareMax = 0.2;

/**
 * Whether so many inferred deletions more may pass within a day, or have to wait until somebody
 * confirms them: a listing that suddenly shows little is more often a server's trouble than a wish.
 */
export function mayDelete({ stored, recent, held }: BrakeFacts, more: number): boolean {
  const total = stored + recent;
  return total <= smallCollectionMax || recent + held + more <= shareMax * total;
}
