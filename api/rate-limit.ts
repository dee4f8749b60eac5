import type { Context } from 'hono';
import type { ApiEnv } from './context.ts';
import type { RateLimit } from './deps.ts';
import { HttpProblem } from './problem.ts';

/** Beyond so many callers the ones that were quiet the longest are forgotten; they start full. */
const bucketsMax = 50_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export interface Verdict {
  allowed: boolean;
  limit: number;
  remaining: number;
  /** Seconds until the bucket is full again. */
  resetSeconds: number;
  /** Seconds until the next request is allowed; 0 when it is. */
  retryAfterSeconds: number;
}

export interface RateLimiter {
  /** Takes one token of the caller, or says when there will be one. */
  take(caller: string): Verdict;
}

/** Token buckets in memory: each process of several has its own, so the sum is what they allow. */
export function createRateLimiter(
  { burst, perSecond }: RateLimit,
  now: () => number = performance.now.bind(performance),
): RateLimiter {
  const buckets = new Map<string, Bucket>();
  const take = (caller: string): Verdict => {
    const atMs = now();
    const old = buckets.get(caller) ?? { tokens: burst, atMs };
    const tokens = Math.min(burst, old.tokens + ((atMs - old.atMs) / 1000) * perSecond);
    const allowed = tokens >= 1;
    const left = allowed ? tokens - 1 : tokens;
    // Re-inserted, so that the map's order is the order of use.
    buckets.delete(caller);
    buckets.set(caller, { tokens: left, atMs });
    if (buckets.size > bucketsMax) buckets.delete(buckets.keys().next().value!);
    return {
      allowed,
      limit: burst,
      remaining: Math.floor(left),
      resetSeconds: Math.ceil((burst - left) / perSecond),
      retryAfterSeconds: allowed ? 0 : Math.ceil((1 - left) / perSecond),
    };
  };
  return { take };
}

/** Puts the verdict on the answer. @throws HttpProblem `rate-limited` */
export function enforce(c: Context<ApiEnv>, verdict: Verdict, what: string): void {
  c.header('RateLimit-Limit', String(verdict.limit));
  c.header('RateLimit-Remaining', String(verdict.remaining));
  c.header('RateLimit-Reset', String(verdict.resetSeconds));
  if (verdict.allowed) return;
  const { retryAfterSeconds } = verdict;
  throw new HttpProblem(
    'rate-limited',
    `Too many ${what}; the next one is allowed in ${retryAfterSeconds} s (Retry-After).`,
    { retryAfterSeconds },
  );
}
