import {
  readSealedRows,
  type SealedRow,
  type UidWindow,
} from '../../db/queries/sync/reconciliation-window.ts';
import type { ReconciliationRun } from '../../db/queries/sync/reconciliation-runs.ts';
import { withTenant } from '../../db/tenant.ts';
import { normaliseAddress, type MessageBody, type MessageEnvelope } from '../../domain/mail.ts';
import { verifyShares } from '../../domain/reconciliation.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { openJson } from '../../domain/sealed-json.ts';
import { indexMessage, listParticipants } from './message-indexes.ts';
import type { Slice } from './slice.ts';

/** Opened at a time: enough to amortise the query, little enough to keep other work waiting no while. */
const verifyItemsMax = 200;
const verifyBytesMax = 4 * 1024 * 1024;

/**
 * Opens sealed messages of a window and compares them with what stands beside them. A value that
 * was altered, moved or sealed under another key does not open; indexes and participants follow
 * from the content. Returns the UIDs of rows that do not hold together.
 */
export async function findAltered(
  { slice, run }: { slice: Slice; run: ReconciliationRun },
  window: UidWindow,
  suspects: number[],
): Promise<number[]> {
  const altered: number[] = [];
  const options = {
    share: run.share,
    shares: verifyShares,
    suspects,
    itemsMax: verifyItemsMax,
    bytesMax: verifyBytesMax,
  };
  for (let afterUid = window.afterUid; ;) {
    const rows = await withTenant(slice.deps.database, window.tenantId, (tx) =>
      readSealedRows(tx, { ...window, afterUid }, options),
    );
    const last = rows.at(-1);
    if (!last) return altered;
    for (const row of rows) if (!holdsTogether(slice.vault, row)) altered.push(row.uid);
    slice.pulse();
    afterUid = last.uid;
  }
}

function holdsTogether(vault: TenantVault, row: SealedRow): boolean {
  const place = (column: string) => ({ table: 'messages', column, rowId: row.id });
  try {
    const envelope = openJson<MessageEnvelope>(vault, place('envelope'), row.envelope);
    const body = openJson<MessageBody>(vault, place('body'), row.body);
    const { connectionId, receivedAt, size } = row;
    const indexes = indexMessage(vault, { connectionId, envelope, body, receivedAt, size });
    return (
      indexes.messageIdIndex === row.messageIdIndex &&
      indexes.twinIndex === row.twinIndex &&
      indexes.contentIndex === row.contentIndex &&
      namesParticipants(vault, row, envelope)
    );
  } catch {
    // Whatever keeps a row from being opened, reading the message again is the remedy.
    return false;
  }
}

function namesParticipants(
  vault: TenantVault,
  { participants }: SealedRow,
  envelope: MessageEnvelope,
): boolean {
  const expected = new Set(
    listParticipants(vault, envelope).map((one) => one.role + one.addressId),
  );
  if (expected.size !== participants.length) return false;
  return participants.every(({ role, addressId, address: sealed }) => {
    if (!expected.has(role + addressId)) return false;
    const place = { table: 'addresses', column: 'address', rowId: addressId };
    const { address } = openJson<{ address: string }>(vault, place, sealed);
    return vault.index('address', normaliseAddress(address)) === addressId;
  });
}
