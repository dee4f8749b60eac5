import type { Behaviour } from '../emulators/imap-hostile/behaviour.ts';

/** What a connection shows in the end. */
export interface ExpectedState {
  state: 'live' | 'backfilling' | 'degraded' | 'needs-reauth';
  reason: string | null;
  /** The last failure's kind, where the state does not tell of it: the backfill's. */
  lastError?: string;
}

const live: ExpectedState = { state: 'live', reason: null };
const unreachable: ExpectedState = { state: 'degraded', reason: 'imap-unreachable' };
const lost: ExpectedState = { state: 'degraded', reason: 'imap-connection-lost' };
const tooMany: ExpectedState = { state: 'degraded', reason: 'imap-too-many-folders' };
const renumbered: ExpectedState = { state: 'degraded', reason: 'imap-uidvalidity-changed' };
const loginSkipped: ExpectedState = { state: 'needs-reauth', reason: 'imap-login-skipped' };
const noHistory: ExpectedState = {
  ...{ state: 'backfilling', reason: null, lastError: 'provider-down' },
};

/** By the names of the behaviours, in their order. */
export const expectedStates: Readonly<Record<Behaviour['name'], ExpectedState>> = {
  'says nothing': unreachable,
  'greets with one byte a second': unreachable,
  'speaks HTTP': unreachable,
  'speaks SSH': unreachable,
  'speaks SMTP': unreachable,
  'greets without end': unreachable,
  'turns everybody away in its greeting': lost,
  'lets everybody in (PREAUTH)': loginSkipped,
  'is silent after the login': lost,
  'answers under tags that nobody used': lost,
  'says BYE to the login': lost,
  'lists capabilities without end': lost,
  'offers compression': live,
  'has 50,000 folders': tooMany,
  'lists folders without end': tooMany,
  'names folders to break out of paths, commands and objects': live,
  'nests folders a thousand deep': live,
  'renumbers the inbox at every opening': renumbered,
  'claims four billion messages and as many UIDs': live,
  'offers ESEARCH and refuses it': noHistory,
  'announces literals of two gigabytes and sends them': live,
  'announces a header of 500 megabytes': live,
  'sends a line without end': live,
  'states small texts and sends large ones': live,
  'sends rows that nobody asked for, without end': live,
  'puts a thousand announcements before every answer': live,
  'announces changes without end while nobody asks': live,
  'breaks off in mid-literal': noHistory,
  'says BYE in mid-answer': noHistory,
  'falls silent in mid-answer': noHistory,
  'lets the mailbox shrink without a word': live,
  'nests parts 500 deep': live,
  'splits a message into 50,000 parts': live,
  'splits every other message into 10,000 parts': live,
  'lists UIDs twice, backwards, negative and beyond every number': live,
  'states dates that are none': live,
  'states sizes that no message has': live,
  'states mod-sequences beyond 63 bits': live,
  'sets 100,000 keywords': live,
  'holds letters with poisoned headers and charsets': live,
};

/** Whose end takes as long as a silence is borne: they run beside all others. */
export const slowOnes: ReadonlySet<Behaviour['name']> = new Set([
  'greets with one byte a second',
  'is silent after the login',
  'answers under tags that nobody used',
  'falls silent in mid-answer',
]);
