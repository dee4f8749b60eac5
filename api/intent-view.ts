import type { IntentRow } from '../db/queries/intents.ts';
import { toPublicId } from '../domain/ids.ts';
import { mailFlags } from '../domain/mail.ts';
import type { TenantVault } from '../domain/seal.ts';
import { openContent } from '../domain/sealed-intent.ts';
import { toInstant } from './instant.ts';
import type { IntentView } from './schemas/intents.ts';

/** An intent as the API shows it; what it is about, to the owner of the mailbox only. */
export function viewIntent(
  vault: TenantVault,
  row: IntentRow,
  { connectionId, own }: { connectionId: string; own: boolean },
): IntentView {
  return {
    id: toPublicId('intent', row.id),
    connectionId: toPublicId('connection', connectionId),
    memberId: toPublicId('member', row.memberId),
    kind: row.kind,
    state: row.state,
    reason: row.reason,
    attempts: row.attempts,
    ...(own ? subjectOf(vault, row) : nothingToldOf),
    createdAt: toInstant(row.createdAt),
    attemptedAt: toInstant(row.attemptedAt),
    finishedAt: toInstant(row.finishedAt),
  };
}

type Subject = Pick<
  IntentView,
  'messageId' | 'folderId' | 'read' | 'flagged' | 'addKeywords' | 'removeKeywords' | 'path'
>;

const nothingToldOf: Subject = {
  messageId: null,
  folderId: null,
  read: null,
  flagged: null,
  addKeywords: [],
  removeKeywords: [],
  path: null,
};

function subjectOf(vault: TenantVault, row: IntentRow): Subject {
  const { addKeywords, removeKeywords, path } = openContent(vault, row);
  return {
    messageId: row.messageId && toPublicId('message', row.messageId),
    folderId: row.folderId && toPublicId('folder', row.folderId),
    read: becomes(row, mailFlags.seen),
    flagged: becomes(row, mailFlags.flagged),
    addKeywords,
    removeKeywords,
    path: path.length > 0 ? path : null,
  };
}

function becomes({ addFlags, removeFlags }: IntentRow, bit: number): boolean | null {
  if ((addFlags & bit) !== 0) return true;
  return (removeFlags & bit) === 0 ? null : false;
}
