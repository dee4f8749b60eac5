import type { Context, MiddlewareHandler } from 'hono';
import type { Database } from '../db/client.ts';
import { findApiKeyByHash } from '../db/queries/api-keys.ts';
import { readMember } from '../db/queries/members.ts';
import { findMemberTokenByHash } from '../db/queries/member-tokens.ts';
import { findOperatorByKeyHash } from '../db/queries/operators.ts';
import { withTenant } from '../db/tenant.ts';
import { parsePublicId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import { hashAccessKey } from '../runtime/access-key.ts';
import type { ActingMember, ApiEnv, Principal, TenantPrincipal } from './context.ts';
import { tenantRequestsFactor, type ApiDeps } from './deps.ts';
import { HttpProblem } from './problem.ts';
import { createRateLimiter, enforce } from './rate-limit.ts';
import { remoteAddress } from './remote-address.ts';

/** A key has 4 characters of prefix and 43 of base64url; longer text is not hashed at all. */
const keyLengthMax = 128;

/** Routes that show mail and so need to know for whom. */
const mailRoutes = /^\/v1\/(folders|messages|threads)(\/|$)/;

const operatorRoutes = /^\/v1\/admin(\/|$)/;

/**
 * Finds out whose key came with the request, limits how much it may ask, and names the acting
 * member. Operators' keys open `/v1/admin` and nothing else; tenants' keys and the tokens that they
 * make for members everything else. What lasts longer than a request asks again with
 * `reauthenticate`.
 */
export function authenticate({ database, options }: ApiDeps): MiddlewareHandler<ApiEnv> {
  const { burst, perSecond } = options.limits.requests;
  const requests = createRateLimiter({ burst, perSecond });
  const shared = createRateLimiter({
    burst: burst * tenantRequestsFactor,
    perSecond: perSecond * tenantRequestsFactor,
  });
  const refusals = createRateLimiter(options.limits.refusals);

  const refusal = (c: Context<ApiEnv>, detail: string): HttpProblem => {
    enforce(c, refusals.take(remoteAddress(c)), 'requests with a wrong key');
    return new HttpProblem('unauthorized', detail);
  };

  const operator = async (c: Context<ApiEnv>, key: string) => {
    const find = async (): Promise<Principal | undefined> => {
      const found = await findOperator(database, key);
      return found && { kind: 'operator', operatorId: found.id };
    };
    const found = await find();
    if (found?.kind !== 'operator') {
      throw refusal(c, 'Send an operator’s key: Authorization: Bearer op_….');
    }
    enforce(c, requests.take(found.operatorId), 'requests');
    c.set('principal', found);
    c.set('reauthenticate', find);
  };

  const tenant = async (c: Context<ApiEnv>, text: string) => {
    const found = await findTenant(database, text);
    if (!found) throw refusal(c, 'Send a tenant’s key: Authorization: Bearer stw_….');
    enforce(c, requests.take(found.id), 'requests');
    // The answer's headers tell of the caller's own, unless it is the tenant's that is used up.
    const verdict = shared.take(found.tenantId);
    if (!verdict.allowed) enforce(c, verdict, 'requests of this tenant');
    c.set('principal', principalOf(found, undefined));
    if (!isActive(found)) {
      throw new HttpProblem(
        'forbidden',
        `The subscription of this tenant is ${found.tenantState}.`,
      );
    }
    const named = namedMember(c, found.tokenOf);
    const principal = await actingAs(database, found, named);
    // Somebody who left keeps nothing: neither a token nor the right to be named.
    if (!principal && found.tokenOf !== undefined) {
      throw refusal(c, 'The member of this token has left.');
    }
    if (!principal) throw unknownMember();
    c.set('principal', principal);
    c.set('reauthenticate', async () => {
      const again = await findTenant(database, text);
      return again && isActive(again) ? await actingAs(database, again, named) : undefined;
    });
  };

  return async (c, next) => {
    const key = bearerOf(c.req.header('Authorization'));
    await (operatorRoutes.test(c.req.path) ? operator(c, key ?? '') : tenant(c, key ?? ''));
    await next();
  };
}

async function findOperator({ db }: Database, key: string) {
  return key.startsWith('op_') ? await findOperatorByKeyHash(db, hashAccessKey(key)) : undefined;
}

interface FoundTenant {
  /** Of the key or the token itself. */
  id: string;
  tenantId: string;
  tenantState: string;
  keyId: string;
  scopes: Scope[];
  /** The member whose token it is; undefined when it is a key. */
  tokenOf: string | undefined;
}

async function findTenant({ db }: Database, text: string): Promise<FoundTenant | undefined> {
  if (text.startsWith('stw_')) {
    const found = await findApiKeyByHash(db, hashAccessKey(text));
    return found && { ...found, keyId: found.id, tokenOf: undefined };
  }
  if (!text.startsWith('mt_')) return undefined;
  const found = await findMemberTokenByHash(db, hashAccessKey(text));
  return found && { ...found, tokenOf: found.memberId };
}

const isActive = ({ tenantState }: FoundTenant): boolean => tenantState === 'active';

/** The principal with the member that it acts for. Undefined: there is no such present member. */
async function actingAs(
  database: Database,
  found: FoundTenant,
  named: string | undefined,
): Promise<TenantPrincipal | undefined> {
  if (named === undefined) return principalOf(found, undefined);
  const { tenantId } = found;
  const row = await withTenant(database, tenantId, (tx) => readMember(tx, tenantId, named));
  if (!row || row.leftAt !== null) return undefined;
  return principalOf(found, { id: row.id, role: row.role });
}

function principalOf(
  { tenantId, keyId, scopes, tokenOf }: FoundTenant,
  member: ActingMember | undefined,
): TenantPrincipal {
  return { kind: 'tenant', tenantId, keyId, byToken: tokenOf !== undefined, scopes, member };
}

/** The member that a request acts for: the token's own, or the one that the header names. */
function namedMember(c: Context<ApiEnv>, tokenOf: string | undefined): string | undefined {
  const text = c.req.header('Steward-Member');
  if (text === undefined || text === '') {
    if (tokenOf !== undefined || !mailRoutes.test(c.req.path)) return tokenOf;
    throw new HttpProblem(
      'member-required',
      'Name the acting member in the header Steward-Member: mbr_….',
    );
  }
  const id = parsePublicId('member', text);
  if (tokenOf !== undefined && id !== tokenOf) {
    throw new HttpProblem('forbidden', 'A token acts for its own member: leave the header out.');
  }
  if (id === undefined) throw unknownMember();
  return id;
}

function unknownMember(): HttpProblem {
  return new HttpProblem(
    'unknown-member',
    'Steward-Member names no present member of this tenant.',
  );
}

function bearerOf(header: string | undefined): string | undefined {
  const key = header?.match(/^Bearer (\S+)$/i)?.[1];
  return key !== undefined && key.length <= keyLengthMax ? key : undefined;
}
