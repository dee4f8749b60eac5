import type { Context, MiddlewareHandler } from 'hono';
import { findApiKeyByHash } from '../db/queries/api-keys.ts';
import { readMember } from '../db/queries/members.ts';
import { findMemberTokenByHash } from '../db/queries/member-tokens.ts';
import { findOperatorByKeyHash } from '../db/queries/operators.ts';
import { withTenant } from '../db/tenant.ts';
import { parsePublicId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import { hashAccessKey } from '../runtime/access-key.ts';
import type { ApiEnv } from './context.ts';
import type { ApiDeps } from './deps.ts';
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
 * make for members everything else.
 */
export function authenticate({ database, options }: ApiDeps): MiddlewareHandler<ApiEnv> {
  const requests = createRateLimiter(options.limits.requests);
  const refusals = createRateLimiter(options.limits.refusals);

  const refusal = (c: Context<ApiEnv>, detail: string): HttpProblem => {
    enforce(c, refusals.take(remoteAddress(c)), 'requests with a wrong key');
    return new HttpProblem('unauthorized', detail);
  };

  const operator = async (c: Context<ApiEnv>, key: string) => {
    const found = key.startsWith('op_')
      ? await findOperatorByKeyHash(database.db, hashAccessKey(key))
      : undefined;
    if (!found) throw refusal(c, 'Send an operator’s key: Authorization: Bearer op_….');
    enforce(c, requests.take(found.id), 'requests');
    c.set('principal', { kind: 'operator', operatorId: found.id });
  };

  const tenant = async (c: Context<ApiEnv>, text: string) => {
    const found = await findTenant(text);
    if (!found) throw refusal(c, 'Send a tenant’s key: Authorization: Bearer stw_….');
    enforce(c, requests.take(found.id), 'requests');
    const { tenantId, tenantState, keyId, scopes, tokenOf } = found;
    const byToken = tokenOf !== undefined;
    const principal = { kind: 'tenant' as const, tenantId, keyId, byToken, scopes };
    c.set('principal', { ...principal, member: undefined });
    if (tenantState !== 'active') {
      throw new HttpProblem('forbidden', `The subscription of this tenant is ${tenantState}.`);
    }
    const named = namedMember(c, tokenOf);
    if (named === undefined) return;
    const row = await withTenant(database, tenantId, (tx) => readMember(tx, tenantId, named));
    if (row && row.leftAt === null) {
      c.set('principal', { ...principal, member: { id: row.id, role: row.role } });
      return;
    }
    // Somebody who left keeps nothing: neither a token nor the right to be named.
    if (byToken) throw refusal(c, 'The member of this token has left.');
    throw unknownMember();
  };

  const findTenant = async (text: string): Promise<FoundTenant | undefined> => {
    if (text.startsWith('stw_')) {
      const found = await findApiKeyByHash(database.db, hashAccessKey(text));
      return found && { ...found, keyId: found.id, tokenOf: undefined };
    }
    if (!text.startsWith('mt_')) return undefined;
    const found = await findMemberTokenByHash(database.db, hashAccessKey(text));
    return found && { ...found, tokenOf: found.memberId };
  };

  return async (c, next) => {
    const key = bearerOf(c.req.header('Authorization'));
    await (operatorRoutes.test(c.req.path) ? operator(c, key ?? '') : tenant(c, key ?? ''));
    await next();
  };
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
