import { isDeepStrictEqual } from 'node:util';
import type { IntentView, MessageChangeBody } from '../../api/schemas/intents.ts';
import { parsePublicId } from '../../domain/ids.ts';
import type { CapabilityLevel } from '../support/dovecot.ts';
import type { LetterPlace } from './identities.ts';
import type { Asked, Promised } from './own-changes.ts';
import { keywords } from './own-requests.ts';
import type { Touches } from './touches.ts';

/** What the server shows when both sides are quiet, and what the other client did before. */
export interface Evidence {
  level: CapabilityLevel;
  intents: ReadonlyMap<string, Settled>;
  places: ReadonlyMap<string, LetterPlace[]>;
  folders: readonly string[];
  touches: Touches;
  /** Letters that have lain in two places at once: a copy may take the other's part. */
  copied: ReadonlySet<string>;
}

/** What became of an intent, and when its last attempt began and ended. */
type Settled = Pick<IntentView, 'kind' | 'state' | 'reason' | 'attemptedAt' | 'finishedAt'>;

type AskedLetter = Extract<Asked, { about: 'letter' }>;
type AskedFolder = Extract<Asked, { about: 'folder' }>;

/** Something that did not end as it must, and where the letter or folder was asked for. */
export interface Fault {
  what: string;
  folder: string;
  uid: number | undefined;
  /** UUIDs under which the letter was asked for. */
  messages: string[];
}

/**
 * Says what of the accepted changes did not end as it must: each is done, or refused with a reason
 * that is true; and what is done can be seen, once, wherever nobody else had a hand in it.
 */
export function findFaults(asked: readonly Asked[], evidence: Evidence): Fault[] {
  const letters = asked.filter((one) => one.about === 'letter');
  // Not by message: a letter that was met at its new place first had another id for a moment.
  const byLetter = Map.groupBy(letters, ({ token }) => token);
  const at = (one: Asked, found: string[]): Fault[] =>
    found.map((what) =>
      one.about === 'letter'
        ? { what, folder: one.folder, uid: one.uid, messages: idsOf(byLetter.get(one.token)!) }
        : { what, folder: one.from ?? one.to ?? '', uid: undefined, messages: [] },
    );
  return [
    ...asked.flatMap((one) =>
      at(
        one,
        one.intents.flatMap((id) => judgeIntent(one, id, evidence)),
      ),
    ),
    ...[...byLetter.values()].flatMap((own) => at(own.at(-1)!, judgeLetter(own, evidence))),
    ...asked.flatMap((one) => at(one, one.about === 'folder' ? judgeFolder(one, evidence) : [])),
  ];
}

function idsOf(asked: readonly AskedLetter[]): string[] {
  return [...new Set(asked.map(({ message }) => parsePublicId('message', message)!))];
}

function judgeIntent(asked: Asked, id: string, evidence: Evidence): string[] {
  const intent = evidence.intents.get(id);
  const told = `${id} (${tell(asked)})`;
  if (!intent) return [`${told} is lost`];
  const { kind, state, reason } = intent;
  if (state === 'done') return [];
  if (state === 'pending') return [`${told}: ${kind} is still pending`];
  const isTrue =
    asked.about === 'letter'
      ? isTrueOfLetter(asked, kind, reason, evidence)
      : isTrueOfFolder(asked, reason, evidence);
  return isTrue ? [] : [`${told}: ${kind} was refused: ${reason}`];
}

function isTrueOfLetter(
  { token, promised }: AskedLetter,
  kind: IntentView['kind'],
  reason: string | null,
  { level, places, touches, copied }: Evidence,
): boolean {
  switch (reason) {
    // A command that finds nothing has no effect; only then is that no fault.
    case 'message-gone':
    case 'no-effect':
      return kind !== 'delete' && (copied.has(token) || !places.has(token));
    case 'imap-removal-unsupported':
      return level === 'plain' && (kind === 'move' || kind === 'delete');
    case 'imap-folder-missing':
      return kind === 'move' && (promised?.folders ?? []).some((name) => gone(name, touches));
    default:
      return false;
  }
}

function isTrueOfFolder(
  { from, to, intents: own }: AskedFolder,
  reason: string | null,
  { touches, intents }: Evidence,
): boolean {
  // It is kept for mail that was to leave it first.
  if (reason === 'folder-not-emptied') {
    return [...intents.values()].some(({ kind, state }) => kind === 'move' && state === 'refused');
  }
  return [from, to].some((name) => name !== undefined && touches.isFolderTouched(name, own.join()));
}

const gone = (name: string, touches: Touches): boolean => touches.isFolderTouched(name, '');

/** The letter lies where it was promised to lie, and looks as it was promised to look. */
function judgeLetter(own: readonly AskedLetter[], evidence: Evidence): string[] {
  const last = own.at(-1)!;
  const { intents, touches, copied } = evidence;
  if (copied.has(last.token)) return [];
  const places = evidence.places.get(last.token) ?? [];
  const story = own.map(tell).join(', then ');
  const told = `letter ${last.token} (${story}) lies in ${JSON.stringify(places)}`;
  if (places.length > 1) return [`${told}: it is doubled`];
  const states = own.flatMap((one) => one.intents.map((id) => intents.get(id)));
  const isDone = (kind: IntentView['kind']) =>
    states.some((intent) => intent?.kind === kind && intent.state === 'done');
  const deleted = own.some(({ promised }) => promised === undefined);
  if (deleted) return isDone('delete') && places.length > 0 ? [`${told}: it was deleted`] : [];
  const promised = promisedInAll(own);
  if (!promised || states.some((intent) => intent?.state !== 'done')) return [];
  const [place] = places;
  const moves = promised.folders.some((name) => gone(name, touches));
  if (!touches.isTouched(last.token, 'place') && !moves) {
    if (!place) return [`${told}: it is lost`];
    if (!promised.folders.includes(place.folder)) return [`${told}: it is elsewhere`];
  }
  if (touches.isTouched(last.token, 'flags') || !place) return [];
  if (looksAs(place, promised) || states.some((intent) => isUndone(last.token, intent!, touches))) {
    return [];
  }
  return [`${told}: it looks otherwise`];
}

/**
 * Dovecot answers OK to a STORE and to another session's MOVE of the same message at once, and the copy
 * is as the message was before (5 times of 200 at once, never one after the other). No client can tell.
 */
function isUndone(
  token: string,
  { kind, attemptedAt, finishedAt }: Settled,
  touches: Touches,
): boolean {
  if (kind !== 'flags' || attemptedAt === null || finishedAt === null) return false;
  return touches.isMovedDuring(token, {
    from: Date.parse(attemptedAt),
    to: Date.parse(finishedAt),
  });
}

interface Due extends Omit<Promised, 'labels'> {
  /** Undefined where nobody can tell: keywords are kept as a difference to what was shown. */
  labels: string[] | undefined;
}

/**
 * What the last answer showed; but a letter that was met at its new place first had two ids for a
 * moment, and under neither was shown what was asked of it under the other.
 */
function promisedInAll(own: readonly AskedLetter[]): Due | undefined {
  const last = own.at(-1)!;
  if (!last.promised) return undefined;
  const promisedBy = (isAbout: (change: MessageChangeBody) => boolean): Promised =>
    own.findLast(({ change }) => change && isAbout(change))?.promised ?? last.promised!;
  const others = own.filter(({ message }) => message !== last.message);
  const isLabelled = others.some(({ change }) => change?.keywords !== undefined);
  return {
    read: promisedBy(({ read }) => read !== undefined).read,
    flagged: promisedBy(({ flagged }) => flagged !== undefined).flagged,
    folders: promisedBy(({ folder, trash }) => folder !== undefined || trash === true).folders,
    labels: isLabelled ? undefined : last.promised.labels,
  };
}

function looksAs({ flags }: LetterPlace, { read, flagged, labels }: Due): boolean {
  const shown = keywords.filter((name) => flags.includes(name)).toSorted();
  return (
    flags.includes('\\Seen') === read &&
    flags.includes('\\Flagged') === flagged &&
    (labels === undefined || isDeepStrictEqual(shown, labels.toSorted()))
  );
}

function judgeFolder(asked: AskedFolder, { intents, folders, touches }: Evidence): string[] {
  const { from, to } = asked;
  const by = asked.intents.join();
  if (asked.intents.some((id) => intents.get(id)?.state !== 'done')) return [];
  const untouched = (name: string | undefined): name is string =>
    name !== undefined && !touches.isFolderTouched(name, by);
  // Another change of a folder that it was moved into or out of may have carried it along.
  if ([from, to].some((name) => name !== undefined && !untouched(name))) return [];
  return [
    ...(untouched(to) && !folders.includes(to) ? [`${tell(asked)}: ${to} is not there`] : []),
    ...(untouched(from) && folders.includes(from)
      ? [`${tell(asked)}: ${from} is still there`]
      : []),
  ];
}

function tell(asked: Asked): string {
  if (asked.about === 'folder') return `folder ${asked.from ?? ''} → ${asked.to ?? ''}`;
  return `${asked.message} to be ${JSON.stringify(asked.promised ?? 'deleted')}`;
}
