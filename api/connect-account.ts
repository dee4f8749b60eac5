import {
  findAccount,
  insertConnection,
  readConnection,
  reviveConnection,
  type NewConnection,
} from '../db/queries/connections.ts';
import { recordAudit } from '../db/queries/audit.ts';
import { readMember } from '../db/queries/members.ts';
import type { Tx } from '../db/client.ts';
import { withTenant, withTenantWrite, withTransition } from '../db/tenant.ts';
import type { ConnectionProfile } from '../domain/connection.ts';
import { uuidv7 } from '../domain/ids.ts';
import type { ImapAccount } from '../domain/provider.ts';
import type { TenantVault } from '../domain/seal.ts';
import { sealJson } from '../domain/sealed-json.ts';
import { watchShards } from '../workflows/contract.ts';
import { accountIndexOf, isDeeper, normaliseHost, verifyAccount } from './account.ts';
import type { ApiDeps } from './deps.ts';
import { absentOwner, duplicateConnection, type HttpProblem } from './problem.ts';
import type { NewConnectionBody } from './schemas/connections.ts';

/**
 * Connects an account: proves the login first, then writes everything in one transaction. A
 * disconnected connection of the same account and member is taken up again where it stopped.
 * Returns the connection's id.
 *
 * @throws HttpProblem with the provider's code, or `duplicate-connection`
 */
export async function connectAccount(
  deps: ApiDeps,
  tenantId: string,
  body: NewConnectionBody,
  actor: string,
): Promise<string> {
  const { database, keyring } = deps;
  const vault = await keyring.vault(tenantId);
  const imap = toAccount(body.imap);
  const host = normaliseHost(imap.host);
  const accountIndex = accountIndexOf(vault, host, imap.username);
  const existing = await withTenant(database, tenantId, (tx) =>
    findAccount(tx, tenantId, accountIndex),
  );
  if (existing?.connected) throw duplicateConnection(existing.id);
  if (existing && existing.memberId !== body.memberId) throw anotherMembers(existing.id);

  await verifyAccount(deps.imap, imap);

  const id = existing?.id ?? uuidv7();
  const profile: ConnectionProfile = {
    address: imap.username,
    host,
    excludedFolders: body.excludedFolders ?? [],
  };
  const connection: NewConnection = {
    id,
    tenantId,
    memberId: body.memberId,
    provider: 'imap',
    capability: 'mail',
    ...sealAccount(vault, id, imap, profile),
    accountIndex,
    backfillSince: body.backfillSince ?? null,
    watchShard: shardOf(id),
  };
  const write = existing ? withTransition : withTenantWrite;
  await write(database, tenantId, (tx) => store(tx, connection, existing !== undefined, actor));
  return id;
}

async function store(
  tx: Tx,
  connection: NewConnection,
  revive: boolean,
  actor: string,
): Promise<void> {
  const { id, tenantId, accountIndex, backfillSince } = connection;
  // Somebody may have left while the login was proven.
  const owner = await readMember(tx, tenantId, connection.memberId);
  if (!owner || owner.leftAt !== null) throw absentOwner();
  const before = revive ? await readConnection(tx, tenantId, id) : undefined;
  const deeper = before !== undefined && isDeeper(backfillSince, before.backfillSince);
  const stored = revive
    ? await reviveConnection(tx, connection, { deeper })
    : await insertConnection(tx, connection);
  if (!stored) {
    // Another request for the same account was faster.
    throw duplicateConnection((await findAccount(tx, tenantId, accountIndex))?.id ?? id);
  }
  const action = revive ? 'connection.reconnected' : 'connection.connected';
  await recordAudit(tx, { tenantId, actor, action, target: `connection:${id}` });
}

function sealAccount(
  vault: TenantVault,
  rowId: string,
  imap: ImapAccount,
  profile: ConnectionProfile,
): Pick<NewConnection, 'credentials' | 'profile'> {
  const place = (column: string) => ({ table: 'connections', column, rowId });
  return {
    credentials: sealJson(vault, place('credentials'), imap),
    profile: sealJson(vault, place('profile'), profile),
  };
}

function toAccount({ password, accessToken, ...rest }: NewConnectionBody['imap']): ImapAccount {
  return {
    ...rest,
    ...(password !== undefined && { password }),
    ...(accessToken !== undefined && { accessToken }),
  };
}

/** The last digits of a UUIDv7 are random, so the shards fill evenly. */
function shardOf(id: string): number {
  return Number.parseInt(id.slice(-8), 16) % watchShards;
}

/** Its mail was read under that member's eyes only; a login does not hand it to another one. */
function anotherMembers(id: string): HttpProblem {
  return duplicateConnection(
    id,
    'Another member connected this account before; only that member can connect it again.',
  );
}
