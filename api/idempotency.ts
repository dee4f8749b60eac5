import type { Context, MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import {
  claimRequest,
  finishRequest,
  releaseRequest,
  type EarlierRequest,
} from '../db/queries/idempotency.ts';
import { type RequestClaim, underClaim } from '../db/claim.ts';
import { withTenantWrite } from '../db/tenant.ts';
import { systemTenantId } from '../domain/ids.ts';
import type { TenantVault } from '../domain/seal.ts';
import { openJson, sealJson } from '../domain/sealed-json.ts';
import { auditActor, type ApiEnv } from './context.ts';
import type { ApiDeps } from './deps.ts';
import { declaredRoutes } from './declared-routes.ts';
import { HttpProblem, inFlight, invalidField } from './problem.ts';
import { type ApiApp, isRepeatable } from './route-parts.ts';

/** No request runs longer: a claim without an answer after this time belongs to a dead process. One
 * that runs on all the same finds its claim taken over when it writes, and writes nothing. */
const runningMinutes = 2;
const keyPattern = /^[\x21-\x7e]{1,255}$/;

/** Answers' members that are shown once; a replay has null in their place. */
const secretMembers = new Set(['key', 'token']);

/**
 * Makes POSTs with an Idempotency-Key repeatable: the first answer is kept, sealed, and the same key
 * with the same query and body gets it again. A request that was refused may run again. One that was
 * carried out never does, also when its answer could not be kept or its process died before. A route
 * that states that it is repeatable by itself runs each time, and nothing of its answer is kept.
 */
export function idempotent(
  app: ApiApp,
  { database, keyring, log }: ApiDeps,
): MiddlewareHandler<ApiEnv> {
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
    const hash = requestHash(vault, id, await c.req.text(), new URL(c.req.url).search);
    const { claim, earlier } = await withTenantWrite(database, tenantId, (tx) =>
      claimRequest(tx, { tenantId, id }, hash, { runningMinutes }),
    );
    if (earlier) return replay(c, vault, id, earlier, hash);

    await underClaim(claim, next);
    try {
      const response =
        c.res.status < 300
          ? seal(vault, id, withoutSecrets(await c.res.clone().json()))
          : undefined;
      const { status } = c.res;
      await withTenantWrite(database, tenantId, (tx) =>
        response
          ? finishRequest(tx, claim, { status, response })
          : releaseRequest(tx, claim, status),
      );
    } catch (error) {
      // This answer holds all the same: only another one with this key can not be had. Whether the
      // request was carried out stands in its record.
      log.error({ err: error, requestId: c.get('requestId') }, 'answer not kept');
      await giveUp(claim, c.res.status);
    }
    return undefined;
  };

  /** Says at once, rather than when the time to run is over, that there is no answer to wait for. */
  async function giveUp(claim: RequestClaim, status: number): Promise<void> {
    try {
      await withTenantWrite(database, claim.tenantId, (tx) => releaseRequest(tx, claim, status));
    } catch (error) {
      log.error({ err: error }, 'claim not given up');
    }
  }
}

/** Under the tenant's key, because a body may hold a password: nobody tests one on a dump without keys. */
function requestHash(vault: TenantVault, id: string, body: string, search: string): Uint8Array {
  return Buffer.from(vault.index('request', id, body, search).replaceAll('-', ''), 'hex');
}

function replay(
  c: Context<ApiEnv>,
  vault: TenantVault,
  id: string,
  { requestHash: earlier, status, response, lost }: EarlierRequest,
  hash: Uint8Array,
): Response {
  if (!Buffer.from(earlier).equals(hash)) {
    throw new HttpProblem(
      'idempotency-mismatch',
      'This Idempotency-Key came with another body or query before; use a new key for a new request.',
    );
  }
  if (lost) {
    throw new HttpProblem(
      'idempotency-answer-lost',
      'The first request with this Idempotency-Key was carried out, but its answer is lost. Look for ' +
        'what it made where that is listed, and in GET /v1/audit; revoke a key that nobody got.',
    );
  }
  if (status === null || response === null) throw inFlight();
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
