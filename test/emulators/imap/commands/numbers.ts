import { matcher, parseSequenceSet } from '../sequence-set.ts';
import type { Message } from '../operations.ts';
import { BadCommand } from '../errors.ts';
import { type Call, selectedOf, type Session } from '../session.ts';

export interface Numbered {
  /** Sequence number. */
  n: number;
  message: Message;
}

/**
 * The messages that a command names, by UID or by sequence number. UIDs that do not exist are
 * passed over; sequence numbers that do not exist are a mistake (RFC 3501 §6.4.8, §9).
 */
export function readMessages(session: Session, { uid, args }: Call): Numbered[] {
  args.space();
  return chooseMessages(session, args.word(), uid);
}

/**
 * Those that a command looks at of the messages that it names: the highest, where there are more
 * than the limit (RFC 9738 §3).
 */
export function withinLimit<T extends { message: Pick<Message, 'uid'> }>(
  session: Session,
  named: T[],
): T[] {
  if (named.length <= session.messageLimit) return named;
  const kept = named.slice(-session.messageLimit);
  session.cutOffAt = kept[0]!.message.uid;
  return kept;
}

export function chooseMessages(session: Session, text: string, uid: boolean): Numbered[] {
  const { view } = selectedOf(session);
  const set = parseSequenceSet(text);
  const largest = uid ? (view.at(-1)?.message.uid ?? 0) : view.length;
  const beyond = set.some(({ first, last }) =>
    [first, last].some((end) => (end === '*' ? view.length === 0 : end > view.length)),
  );
  if (!uid && beyond) throw new BadCommand('no such sequence number');
  const matches = matcher(set, largest);
  return view
    .map(({ message }, i) => ({ n: i + 1, message }))
    .filter(({ n, message }) => matches(uid ? message.uid : n));
}
