import { isWithin } from './folder-names.ts';

/** What was done to a letter: its flags were changed, or the place where it lies. */
export type Touch = 'flags' | 'place';

/** Milliseconds since the epoch. */
export interface Span {
  from: number;
  to: number;
}

/**
 * What was done to the mailbox since the last checkpoint: the effect of what Steward is asked for
 * must be seen wherever nobody else had a hand in it.
 */
export interface Touches {
  /** A command that moves letters elsewhere, from its sending to its answer. */
  moved(tokens: readonly string[], during: Span): void;
  letters(tokens: readonly string[], touch: Touch): void;
  /** A folder that comes, goes, or has another name; `by` tells two that do so apart. */
  folder(name: string, by: string): void;
  isTouched(token: string, touch: Touch): boolean;
  /** Whether a letter was being moved at any time of a span. */
  isMovedDuring(token: string, span: Span): boolean;
  /** Whether anybody but `by` touched the folder, or one that it lies in. */
  isFolderTouched(name: string, by: string): boolean;
  forget(): void;
}

/** The other client, where somebody's name is asked for. */
export const otherClientsHand = 'the other client';

export function createTouches(): Touches {
  const letters = { flags: new Set<string>(), place: new Set<string>() };
  const folders: { name: string; by: string }[] = [];
  const moves: { token: string; during: Span }[] = [];
  return {
    letters: (tokens, touch) => tokens.forEach((token) => letters[touch].add(token)),
    folder: (name, by) => void folders.push({ name, by }),
    moved: (tokens, during) => moves.push(...tokens.map((token) => ({ token, during }))),
    isTouched: (token, touch) => letters[touch].has(token),
    isMovedDuring: (token, { from, to }) =>
      moves.some(
        (move) => move.token === token && move.during.from <= to && from <= move.during.to,
      ),
    isFolderTouched: (name, by) =>
      folders.some((touched) => touched.by !== by && isWithin(name, touched.name)),
    forget: () => {
      letters.flags.clear();
      letters.place.clear();
      folders.length = 0;
      moves.length = 0;
    },
  };
}
