import type { ProviderFailure } from '../../domain/failure.ts';
import type { ImapClient } from './client.ts';
import { failure } from './errors.ts';
import type { UidRange } from './listing.ts';

/** An answer about some of the messages that a command named, where all were meant (RFC 9738). */
export function cutOff(): ProviderFailure {
  return failure(
    'provider-down',
    'imap-answer-cut-off',
    'The IMAP server carried a command out for some of its messages only.',
  );
}

/**
 * Runs a reading command over a range of UIDs, and again over what is left of it where the server's
 * limit on messages (RFC 9738) cut the answer off: of those that are named it looks at the highest.
 * @throws ProviderFailure when the server does not say how far it came
 */
export async function* throughLimit<T>(
  client: ImapClient,
  { lowest, highest }: UidRange,
  read: (part: UidRange) => AsyncIterable<T>,
): AsyncGenerator<T> {
  for (let top = highest; top >= lowest;) {
    const cuts: (number | undefined)[] = [];
    client.onCutOff = (lowestUid) => void cuts.push(lowestUid);
    try {
      yield* read({ lowest, highest: top });
    } finally {
      client.onCutOff = undefined;
    }
    if (cuts.length === 0) return;
    const [reached] = cuts;
    if (reached === undefined || reached < lowest || reached > top) throw cutOff();
    top = reached - 1;
  }
}

/** The same for a command that is answered as a whole; returns the answers, the highest UIDs first. */
export async function askThroughLimit<T>(
  client: ImapClient,
  range: UidRange,
  ask: (part: UidRange) => Promise<T>,
): Promise<T[]> {
  const once = async function* (part: UidRange): AsyncGenerator<T> {
    yield await ask(part);
  };
  const answers: T[] = [];
  for await (const answer of throughLimit(client, range, once)) answers.push(answer);
  return answers;
}
