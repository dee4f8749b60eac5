import type { MessageChangeBody } from '../../api/schemas/intents.ts';
import type { Random } from '../emulators/imap/sample/random.ts';

/** What Steward is asked for; in `folder` of a change any text stands for a folder drawn later. */
export type Request =
  | { about: 'letter'; method: 'PATCH'; change: MessageChangeBody }
  | { about: 'letter'; method: 'DELETE'; change: undefined }
  | { about: 'folder'; what: 'create' | 'rename' | 'delete' };

/** Keywords that are asked for; the other client sets some of them too. */
export const keywords = ['$Label1', '$Forwarded', 'Rechnung', 'to_do', '$Junk', 'CRM'];

const change = (body: MessageChangeBody): Request => ({
  ...{ about: 'letter', method: 'PATCH', change: body },
});

/** How often each kind comes: people mark and file, and seldom tidy up their folders. */
const weights: readonly (readonly [weight: number, make: (random: Random) => Request])[] = [
  [5, (random) => change({ read: random.chance(0.7) })],
  [4, (random) => change({ flagged: random.chance(0.7) })],
  [4, (random) => change({ keywords: keywords.filter(() => random.chance(0.3)) })],
  [6, () => change({ folder: 'drawn' })],
  [2, (random) => change({ folder: 'drawn', read: true, flagged: random.chance(0.5) })],
  [2, () => change({ trash: true })],
  [2, () => ({ about: 'letter', method: 'DELETE', change: undefined })],
  [1, () => ({ about: 'folder', what: 'create' })],
  [1, () => ({ about: 'folder', what: 'rename' })],
  [1, () => ({ about: 'folder', what: 'delete' })],
];

const total = weights.reduce((sum, [weight]) => sum + weight, 0);

export function drawRequest(random: Random): Request {
  let left = random.int(total);
  for (const [weight, make] of weights) {
    left -= weight;
    if (left < 0) return make(random);
  }
  throw new Error('the weights do not add up');
}
