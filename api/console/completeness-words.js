/** What the console says about reconciliations. Pure: no document, no clock. */
import { count, duration, plural } from './words.js';

const secondMs = 1_000;

/**
 * `3,004 of 3,004 messages, compared 2 h ago; 11 were missing and have been read again`: what the
 * server lists beside what is stored.
 */
export function completenessSentence({ reconciliation }, nowMs) {
  if (!reconciliation) return 'Not compared with the server yet';
  const { listed, stored, finishedAt } = reconciliation;
  const ago = duration((nowMs - Date.parse(finishedAt)) / secondMs);
  const what = listed === 0 ? 'No messages' : `${count(stored)} of ${plural(listed, 'message')}`;
  return [`${what}, compared ${ago} ago`, ...missingWords(reconciliation)].join('; ');
}

function missingWords({ missingBefore, missingAfter }) {
  const healed = Math.max(0, missingBefore - missingAfter);
  const words = [];
  if (healed === 1) words.push('1 was missing and has been read again');
  if (healed > 1) words.push(`${count(healed)} were missing and have been read again`);
  if (missingAfter > 0) words.push(`${count(missingAfter)} could not be read`);
  return words;
}

/** What becomes of asking for a comparison, by the state that the API answers with. */
export function comparingSentence(state) {
  if (state === 'live')
    return 'Comparing everything with the server: what comes of it is shown here.';
  if (state === 'backfilling' || state === 'connecting') {
    return 'Asked for: everything is compared with the server once the import is done.';
  }
  return 'Asked for: everything is compared with the server as soon as it can be reached.';
}
