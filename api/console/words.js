/** Everything that the console says about numbers, times and states. Pure: no document, no clock. */
const numberFormat = new Intl.NumberFormat('en');
const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const dateFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
});

const minuteSeconds = 60;
const hourSeconds = 60 * minuteSeconds;
const daySeconds = 24 * hourSeconds;
const secondMs = 1_000;

export const count = (number) => numberFormat.format(number);

/** `(1, 'message')` → `1 message`. */
export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** `4 s`, `12 min`, `3 h`, `2 days`: one unit, because nobody needs two. */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  if (whole < 90 * minuteSeconds) return `${Math.round(whole / minuteSeconds)} min`;
  if (whole < 36 * hourSeconds) return `${Math.round(whole / hourSeconds)} h`;
  return plural(Math.round(whole / daySeconds), 'day');
}

/** A time of today as `10:31`, of another day with its date. */
export function clock(instant, nowMs) {
  const date = new Date(instant);
  const time = clockFormat.format(date);
  if (date.toDateString() === new Date(nowMs).toDateString()) return time;
  return `${dayFormat.format(date)}, ${time}`;
}

/** A message's date: the time where it is today's, the day of this year's, else the whole date. */
export function day(instant, nowMs) {
  const date = new Date(instant);
  const now = new Date(nowMs);
  if (date.toDateString() === now.toDateString()) return clockFormat.format(date);
  const sameYear = date.getFullYear() === now.getFullYear();
  return (sameYear ? dayFormat : dateFormat).format(date);
}

export const fullDate = (instant) =>
  `${dateFormat.format(new Date(instant))}, ${clockFormat.format(new Date(instant))}`;

export const calendarDate = (instant) => dateFormat.format(new Date(instant));

/** `0.99996` → `99.9 %`: never rounded up to all. */
export function percent(share) {
  return `${count(Math.floor(share * 1_000) / 10)} %`;
}

const labels = {
  connecting: 'Connecting',
  backfilling: 'Importing',
  live: 'Live',
  throttled: 'Waiting',
  paused: 'Paused',
  'needs-reauth': 'Needs you',
  'admin-action-needed': 'Needs an administrator',
  unavailable: 'Not available',
  degraded: 'In trouble',
  'confirm-deletions': 'Needs you',
  disconnecting: 'Ending',
  disconnected: 'Ended',
};

const tones = {
  connecting: 'busy',
  backfilling: 'busy',
  live: 'good',
  throttled: 'waiting',
  paused: 'off',
  disconnecting: 'off',
  disconnected: 'off',
};

/** A state in one or two words, and the tone that goes with it. */
export const stateLabel = (state) => labels[state] ?? state;
export const stateTone = (state) => tones[state] ?? 'trouble';

/**
 * A capability's state as a sentence. `rate` is in messages per second or undefined;
 * `receivedAtMs` is when the facts came, so that ages go on growing between two answers.
 */
export function stateSentence(capability, { rate, nowMs, receivedAtMs = nowMs }) {
  const { state } = capability;
  const elapsedSeconds = (nowMs - receivedAtMs) / secondMs;
  switch (state) {
    case 'connecting':
      return 'Connecting to the server';
    case 'backfilling':
      return `Importing history: ${importWords(capability, rate)}`;
    case 'live':
      return `Live: ${freshness(capability, elapsedSeconds)}`;
    case 'throttled':
      return `Waiting for the server${until(capability, nowMs)}`;
    case 'paused':
      return 'Paused: nothing is fetched until you resume';
    case 'needs-reauth':
      return 'Needs a new password: the server refused the one it has';
    case 'admin-action-needed':
      return 'Needs an administrator of the mail server, or the operator of Steward';
    case 'unavailable':
      return 'Not available: the account does not allow it';
    case 'degraded':
      return `In trouble: ${trouble(capability, nowMs)}`;
    case 'confirm-deletions':
      return heldSentence(capability);
    case 'disconnecting':
      return 'Disconnecting: the sessions are closed and the password is wiped';
    case 'disconnected':
      return 'Disconnected';
    default:
      return state;
  }
}

function heldSentence({ deletionsHeld }) {
  const what = deletionsHeld ? plural(deletionsHeld, 'message') : 'Many messages';
  return `${what} vanished at the server at once: nothing is deleted until you confirm`;
}

/** Seconds that the rest of the import takes at this rate; undefined when nobody can say. */
export function secondsLeft({ stored, expected }, rate) {
  if (!rate || rate <= 0 || expected <= stored) return undefined;
  return (expected - stored) / rate;
}

function importWords(capability, rate) {
  const { stored, expected } = capability;
  if (expected === 0) return 'reading the folders';
  const parts = [`${count(Math.min(stored, expected))} of ${plural(expected, 'message')}`];
  if (rate !== undefined && rate >= 0.5) parts.push(`${count(Math.round(rate))} per second`);
  const left = secondsLeft(capability, rate >= 0.5 ? rate : undefined);
  if (left !== undefined) parts.push(`about ${duration(Math.max(1, left))} left`);
  return parts.join(', ');
}

function freshness({ lagSeconds, watchAgeSeconds }, elapsedSeconds) {
  if (lagSeconds === null) return 'looking for changes';
  if (lagSeconds > 0) return `${duration(lagSeconds + elapsedSeconds)} behind`;
  if (watchAgeSeconds === null) return 'up to date';
  return `up to date, server heard ${duration(watchAgeSeconds + elapsedSeconds)} ago`;
}

function until({ nextAttemptAt }, nowMs) {
  return nextAttemptAt && Date.parse(nextAttemptAt) > nowMs
    ? ` until ${clock(nextAttemptAt, nowMs)}`
    : '';
}

function trouble({ reason, lastError, nextAttemptAt }, nowMs) {
  const why = failureWords[reason ?? lastError?.kind] ?? 'the last attempt failed';
  const next =
    nextAttemptAt && Date.parse(nextAttemptAt) > nowMs
      ? `; next attempt at ${clock(nextAttemptAt, nowMs)}`
      : '';
  return `${why}${next}`;
}

/** A failure's kind or code as people say it. */
export const failureWords = {
  behind: 'changes have not been fetched for over an hour',
  'auth-revoked': 'the server refused the password',
  'permission-missing': 'the account does not allow it',
  'admin-action-needed': 'the mail server needs its administrator',
  'rate-limited': 'the server asked for a break',
  'quota-exhausted': "the day's quota is used up",
  'cursor-expired': 'the position was lost and is being rebuilt',
  'not-found': 'something was no longer there',
  conflict: 'the server had a newer version',
  gone: 'something was deleted meanwhile',
  'invalid-request': 'the server did not understand us',
  'too-large': 'something was too large',
  'provider-down': 'the server does not answer',
  'operator-misconfigured': 'Steward is not set up for it',
  'outcome-unknown': 'the connection broke off',
  'imap-unreachable': 'the server does not answer',
  'imap-tls-failed': 'no safe connection to the server',
  'imap-login-failed': 'the server refused the password',
  'imap-all-mail-hidden': 'the folder All Mail is hidden from IMAP: show it in the label settings',
  'imap-address-blocked': 'the address is not allowed',
};

/** Why an item was left out. */
export const skipWords = {
  unreadable: 'The server could not hand it out',
  'too-large': 'Larger than Steward reads',
  'too-complex': 'Nested deeper than Steward reads',
  'provider-refused': 'The server refused to hand it out',
  'provider-hung-up': 'The server ends the connection when it is asked for it',
  undecodable: 'Its content could not be decoded',
};
