import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRateLimiter } from '../../api/rate-limit.ts';
import { createTestApi, type TestApi, type TestTenant } from '../support/api.ts';

let api: TestApi;
let tenant: TestTenant;

beforeAll(async () => {
  const limits = {
    requests: { burst: 5, perSecond: 0.001 },
    connects: { burst: 2, perSecond: 0.001 },
    refusals: { burst: 3, perSecond: 0.001 },
  };
  api = await createTestApi({ limits });
  tenant = await api.tenant('Hurried');
});
afterAll(() => api[Symbol.asyncDispose]());

describe('rate limits', () => {
  it('count per key, say what is left, and when to come again', async () => {
    const get = async () => await api.call('GET', '/v1/members', { key: tenant.key });
    const answers = [];
    for (let i = 0; i < 6; i += 1) answers.push(await get());
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(answers.map(({ headers }) => headers.get('RateLimit-Remaining'))).toEqual([
      '4',
      '3',
      '2',
      '1',
      '0',
      '0',
    ]);
    const refused = answers[5]!;
    expect(refused.body).toMatchObject({ code: 'rate-limited', status: 429 });
    expect(refused.headers.get('RateLimit-Limit')).toBe('5');
    expect(Number(refused.headers.get('RateLimit-Reset'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
    const other = await api.tenant('Calm');
    expect((await api.call('GET', '/v1/members', { key: other.key })).status).toBe(200);
  });

  it('are not multiplied by making tokens: a tenant has five times as much as a key', async () => {
    const limits = { requests: { burst: 10, perSecond: 0.001 } };
    await using small = await createTestApi({ limits });
    const many = await small.tenant('Many');
    const memberId = await many.member('Many');
    const callers = [];
    for (let made = 1; made < 10; made += 1) {
      const body = { memberId };
      const { body: token } = await small.call('POST', '/v1/member-tokens', {
        key: many.key,
        body,
      });
      callers.push(String(token['token']));
    }
    const answers = [];
    for (const key of callers) {
      for (let i = 0; i < 10; i += 1) answers.push(await small.call('GET', '/v1/members', { key }));
    }
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5 * 10 - 10);
    expect(answers[39]!.headers.get('RateLimit-Limit')).toBe('10');
    const refused = answers.at(-1)!;
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate-limited' } });
    expect(refused.headers.get('RateLimit-Limit')).toBe('50');
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
    const other = await small.tenant('Other');
    expect((await small.call('GET', '/v1/members', { key: other.key })).status).toBe(200);
  });

  it('slow down whoever tries keys', async () => {
    const statuses = [];
    for (let i = 0; i < 4; i += 1) {
      statuses.push((await api.call('GET', '/v1/members', { key: `stw_${i}` })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 429]);
  });
});

describe('createRateLimiter', () => {
  it('fills with time, up to the burst', () => {
    let now = 0;
    const limiter = createRateLimiter({ burst: 2, perSecond: 1 }, () => now);
    expect([1, 2, 3].map(() => limiter.take('a').allowed)).toEqual([true, true, false]);
    expect(limiter.take('b').allowed).toBe(true);
    now = 1_000;
    expect(limiter.take('a')).toMatchObject({ allowed: true, remaining: 0, resetSeconds: 2 });
    expect(limiter.take('a')).toMatchObject({ allowed: false, retryAfterSeconds: 1 });
    now = 60_000;
    expect([1, 2, 3].map(() => limiter.take('a').allowed)).toEqual([true, true, false]);
  });
});
