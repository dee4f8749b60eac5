import { recordAudit } from '../db/queries/audit.ts';
import { changeConnection } from '../db/queries/connection-changes.ts';
import { findAccount, readConnection, type ConnectionRow } from '../db/queries/connections.ts';
import { readSealedAccount } from '../db/queries/sync/account.ts';
import { withTenant, withTransition } from '../db/tenant.ts';
import type { ConnectionProfile } from '../domain/connection.ts';
import type { ImapAccount } from '../domain/provider.ts';
import type { TenantVault } from '../domain/seal.ts';
import { openJson, sealJson } from '../domain/sealed-json.ts';
import { accountIndexOf, isDeeper, normaliseHost, verifyAccount } from './account.ts';
import { auditActor, type TenantPrincipal } from './context.ts';
import type { ApiDeps } from './deps.ts';
import { requireOwnOrAdmin } from './permissions.ts';
import { disconnected, duplicateConnection, HttpProblem, notFound } from './problem.ts';
import type { ConnectionChangeBody } from './schemas/connections.ts';

/**
 * Changes what a member set up: new credentials are proven by a login first, then everything is
 * written in one transition that raises the generation.
 *
 * @throws HttpProblem with the provider's code, `another-account` or `duplicate-connection`
 */
export async function changeSettings(
  deps: ApiDeps,
  principal: TenantPrincipal,
  id: string,
  body: ConnectionChangeBody,
): Promise<void> {
  const { database, keyring } = deps;
  const { tenantId } = principal;
  const vault = await keyring.vault(tenantId);
  const before = await withTenant(database, tenantId, (tx) => readConnection(tx, tenantId, id));
  if (!before) throw notFound();
  requireOwnOrAdmin(principal, before.memberId);
  const account = body.imap && (await proveAccount(deps, vault, before, body.imap));
  await withTransition(database, tenantId, async (tx) => {
    // Read again: somebody may have changed or ended it while the login was proven.
    const row = await readConnection(tx, tenantId, id);
    if (!row) throw notFound();
    if (row.disconnectedAt !== null) throw disconnected();
    const profile = mergeProfile(vault, row, body, account);
    const accountIndex = accountIndexOf(vault, profile.host, profile.address);
    const other = await findAccount(tx, tenantId, accountIndex);
    if (other && other.id !== id) throw duplicateConnection(other.id);
    const since = body.backfillSince === undefined ? row.backfillSince : body.backfillSince;
    const changed = await changeConnection(tx, {
      ...{ id, tenantId, capability: 'mail', accountIndex, backfillSince: since },
      credentials: account && sealJson(vault, placeOf(id, 'credentials'), account),
      profile: sealJson(vault, placeOf(id, 'profile'), profile),
      deeper: isDeeper(since, row.backfillSince),
    });
    if (!changed) throw disconnected();
    const actor = auditActor(principal);
    const action = account ? 'connection.credentials-renewed' : 'connection.changed';
    await recordAudit(tx, { tenantId, actor, action, target: `connection:${id}` });
  });
}

/** The whole account under the new credentials, once a login has worked. */
async function proveAccount(
  deps: ApiDeps,
  vault: TenantVault,
  { id }: ConnectionRow,
  change: NonNullable<ConnectionChangeBody['imap']>,
): Promise<ImapAccount> {
  const { tenantId } = vault;
  const sealed = await withTenant(deps.database, tenantId, (tx) =>
    readSealedAccount(tx, { tenantId, connectionId: id, capability: 'mail' }),
  );
  if (!sealed?.credentials) throw disconnected();
  const stored = openJson<ImapAccount>(vault, placeOf(id, 'credentials'), sealed.credentials);
  const { password: _, accessToken: __, ...place } = stored;
  const account = { ...place, ...withoutUndefined(change) };
  if (account.username.toLowerCase() !== stored.username.toLowerCase()) {
    throw new HttpProblem(
      'another-account',
      'A connection stays with its account; connect the other one with POST /v1/connections.',
    );
  }
  await verifyAccount(deps.imap, account);
  return account;
}

function mergeProfile(
  vault: TenantVault,
  { id, profile }: ConnectionRow,
  { excludedFolders }: ConnectionChangeBody,
  account: ImapAccount | undefined,
): ConnectionProfile {
  const stored = openJson<ConnectionProfile>(vault, placeOf(id, 'profile'), profile);
  return {
    ...stored,
    ...(account && { address: account.username, host: normaliseHost(account.host) }),
    ...(excludedFolders && { excludedFolders }),
  };
}

function withoutUndefined<T extends object>(
  value: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

const placeOf = (rowId: string, column: 'credentials' | 'profile') => ({
  table: 'connections',
  column,
  rowId,
});
