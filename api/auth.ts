import type { Context, MiddlewareHandler } from 'hono';
import { findApiKeyByHash } from '../db/queries/api-keys.ts';
import { readMember } from '../db/queries/members.ts';
import { findOperatorByKeyHash } from '../db/queries/operators.ts';
import { withTenant } from '../db/tenant.ts';
import { parsePublicId } from '../domain/ids.ts';
import { hashAccessKey } from '../runtime/access-key.ts';
import type { ActingMember, ApiEnv } from './context.ts';
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
 * member. Operators' keys open `/v1/admin` and nothing else; tenants' keys everything else.
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

  const tenant = async (c: Context<ApiEnv>, key: string) => {
    const found = key.startsWith('stw_')
      ? await findApiKeyByHash(database.db, hashAccessKey(key))
      : undefined;
    if (!found) throw refusal(c, 'Send a tenant’s key: Authorization: Bearer stw_….');
    enforce(c, requests.take(found.id), 'requests');
    const { id: keyId, tenantId, tenantState } = found;
    const principal = { kind: 'tenant' as const, tenantId, keyId };
    c.set('principal', { ...principal, member: undefined });
    if (tenantState !== 'active') {
      throw new HttpProblem('forbidden', `The subscription of this tenant is ${tenantState}.`);
    }
    c.set('principal', { ...principal, member: await actingMember(c, tenantId) });
  };

  const actingMember = async (
    c: Context<ApiEnv>,
    tenantId: string,
  ): Promise<ActingMember | undefined> => {
    const text = c.req.header('Steward-Member');
    if (text === undefined || text === '') {
      if (!mailRoutes.test(c.req.path)) return undefined;
      throw new HttpProblem(
        'member-required',
        'Name the acting member in the header Steward-Member: mbr_….',
      );
    }
    const id = parsePublicId('member', text);
    const row = id && (await withTenant(database, tenantId, (tx) => readMember(tx, tenantId, id)));
    if (!row || row.leftAt !== null) {
      throw new HttpProblem(
        'unknown-member',
        'Steward-Member names no present member of this tenant.',
      );
    }
    return { id: row.id, role: row.role };
  };

  return async (c, next) => {
    const key = bearerOf(c.req.header('Authorization'));
    await (operatorRoutes.test(c.req.path) ? operator(c, key ?? '') : tenant(c, key ?? ''));
    await next();
  };
}

function bearerOf(header: string | undefined): string | undefined {
  const key = header?.match(/^Bearer (\S+)$/i)?.[1];
  return key !== undefined && key.length <= keyLengthMax ? key : undefined;
}
