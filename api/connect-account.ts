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
import { openJson, sealJson } from '../domain/sealed-json.ts';
import { watchShards } from '../workflows/contract.ts';
import { accountIndexOf, isDeeper, normaliseHost, verifyAccount } from './account.ts';
import type { ApiDeps } from './deps.ts';
import { absentOwner, duplicateConnection, type HttpProblem } from './problem.ts';
import type { NewConnectionBody } from './schemas/connections.ts';

/**
 * Connects an account: proves the login first, then writes everything in one transaction. A
 * disconnected connection of the same account and member is taken up again where it stopped, with
 * what was set for it, unless the body says otherwise. Returns the connection's id.
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
  const accountIndex = accountIndexOf(vault, normaliseHost(imap.host), imap.username);
  const existing = await withTenant(database, tenantId, (tx) =>
    findAccount(tx, tenantId, accountIndex),
  );
  if (existing?.connected) throw duplicateConnection(existing.id);
  if (existing && existing.memberId !== body.memberId) throw anotherMembers(existing.id);

  await verifyAccount(deps.imap, imap);

  const account: NewAccount = {
    ...{ id: existing?.id ?? uuidv7(), vault, imap, accountIndex, actor },
    revive: existing !== undefined,
  };
  const write = existing ? withTransition : withTenantWrite;
  await write(database, tenantId, (tx) => store(tx, account, body));
  return account.id;
}

/** What was proven, and under which id it is stored. */
interface NewAccount {
  id: string;
  vault: TenantVault;
  imap: ImapAccount;
  accountIndex: string;
  actor: string;
  /** A disconnected one is taken up again. */
  revive: boolean;
}

async function store(tx: Tx, account: NewAccount, body: NewConnectionBody): Promise<void> {
  const { id, vault, imap, accountIndex, actor, revive } = account;
  const { tenantId } = vault;
  // Somebody may have left while the login was proven.
  const owner = await readMember(tx, tenantId, body.memberId);
  if (!owner || owner.leftAt !== null) throw absentOwner();
  const before = revive ? await readConnection(tx, tenantId, id) : undefined;
  const kept = before && openJson<ConnectionProfile>(vault, placeOf(id, 'profile'), before.profile);
  const profile: ConnectionProfile = {
    address: imap.username,
    host: normaliseHost(imap.host),
    excludedFolders: body.excludedFolders ?? kept?.excludedFolders ?? [],
  };
  // Null is said, and asks for everything.
  const { backfillSince = before?.backfillSince ?? null } = body;
  const connection: NewConnection = {
    id,
    tenantId,
    memberId: body.memberId,
    provider: 'imap',
    capability: 'mail',
    credentials: sealJson(vault, placeOf(id, 'credentials'), imap),
    profile: sealJson(vault, placeOf(id, 'profile'), profile),
    accountIndex,
    backfillSince,
    watchShard: shardOf(id),
  };
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

const placeOf = (rowId: string, column: 'credentials' | 'profile') => ({
  table: 'connections',
  column,
  rowId,
});

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
