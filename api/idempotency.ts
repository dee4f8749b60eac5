import { createHash } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import {
  claimRequest,
  finishRequest,
  releaseRequest,
  type EarlierRequest,
} from '../db/queries/idempotency.ts';
import { withTenantWrite } from '../db/tenant.ts';
import { systemTenantId } from '../domain/ids.ts';
import type { TenantVault } from '../domain/seal.ts';
import { openJson, sealJson } from '../domain/sealed-json.ts';
import { auditActor, type ApiEnv } from './context.ts';
import type { ApiDeps } from './deps.ts';
import { declaredRoutes } from './declared-routes.ts';
import { HttpProblem, invalidField } from './problem.ts';
import { type ApiApp, isRepeatable } from './route-parts.ts';

/** No request runs longer: a claim without an answer after this time belongs to a dead process. */
const runningMinutes = 2;
const keyPattern = /^[\x21-\x7e]{1,255}$/;

/** Answers' members that are shown once; a replay has null in their place. */
const secretMembers = new Set(['key', 'token']);

/**
 * Makes POSTs with an Idempotency-Key repeatable: the first answer is kept, sealed, and the same key
 * with the same query and body gets it again. A request that failed created nothing and may run again.
 * So may one whose route states that it is repeatable by itself: nothing of its answer is kept.
 */
export function idempotent(app: ApiApp, { database, keyring }: ApiDeps): MiddlewareHandler<ApiEnv> {
  const routeOf = declaredRoutes(app);
  return async (c, next) => {
    const key = c.req.header('Idempotency-Key');
    if (c.req.method !== 'POST' || key === undefined) return await next();
    if (!keyPattern.test(key)) {
      throw invalidField('Idempotency-Key', 'Use 1 to 255 visible ASCII characters.');
    }
    if (isRepeatable(routeOf(c)?.declared)) return await next();
    const { tenantId, vault } = await spaceOf(c, keyring);
    const id = vault.index('idempotency', actorOf(c), c.req.path, key);
    const request = { tenantId, id };
    const hash = createHash('sha256')
      .update(await c.req.text())
      .update(new URL(c.req.url).search)
      .digest();
    const earlier = await withTenantWrite(database, tenantId, (tx) =>
      claimRequest(tx, request, hash, { runningMinutes }),
    );
    if (earlier) return replay(c, vault, id, earlier, hash);

    let kept = false;
    try {
      await next();
      if (c.res.status < 300) {
        const response = seal(vault, id, withoutSecrets(await c.res.clone().json()));
        const answer = { status: c.res.status, response };
        await withTenantWrite(database, tenantId, (tx) => finishRequest(tx, request, answer));
        kept = true;
      }
    } finally {
      if (!kept) await withTenantWrite(database, tenantId, (tx) => releaseRequest(tx, request));
    }
    return undefined;
  };
}

function replay(
  c: Context<ApiEnv>,
  vault: TenantVault,
  id: string,
  { requestHash, status, response }: EarlierRequest,
  hash: Uint8Array,
): Response {
  if (!Buffer.from(requestHash).equals(hash)) {
    throw new HttpProblem(
      'idempotency-mismatch',
      'This Idempotency-Key came with another body or query before; use a new key for a new request.',
    );
  }
  if (status === null || response === null) {
    throw new HttpProblem(
      'idempotency-in-flight',
      'The first request with this Idempotency-Key has not answered yet; try again shortly.',
      { retryAfterSeconds: 1 },
    );
  }
  c.header('Idempotent-Replayed', 'true');
  const body = openJson<object>(vault, placeOf(id), response);
  return c.json(body, status as ContentfulStatusCode);
}

/** Operators' records belong to the installation, whose keys are made when first needed. */
async function spaceOf(c: Context<ApiEnv>, keyring: ApiDeps['keyring']) {
  const principal = c.get('principal');
  if (principal?.kind === 'tenant') {
    return { tenantId: principal.tenantId, vault: await keyring.vault(principal.tenantId) };
  }
  await keyring.create(systemTenantId);
  return { tenantId: systemTenantId, vault: await keyring.vault(systemTenantId) };
}

function actorOf(c: Context<ApiEnv>): string {
  const principal = c.get('principal');
  if (!principal) throw new Error('Idempotency comes after authentication.');
  return auditActor(principal);
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, inner]) => [name, secretMembers.has(name) ? null : withoutSecrets(inner)]),
  );
}

function seal(vault: TenantVault, id: string, body: unknown): Uint8Array {
  return sealJson(vault, placeOf(id), body);
}

const placeOf = (rowId: string) => ({ table: 'idempotency_keys', column: 'response', rowId });
