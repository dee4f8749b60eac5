import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiServer } from '../../api/server.ts';
import { createTestApi, type TestApi, type TestTenant } from '../support/api.ts';

let api: TestApi;
let tenant: TestTenant;
beforeAll(async () => {
  api = await createTestApi();
  tenant = await api.tenant('Types');
});
afterAll(() => api[Symbol.asyncDispose]());

describe('a body', () => {
  it.each([
    ...['application/json;', 'application/json ; charset=utf-8', 'application/json;charset'],
    ...['application/vnd.crm2+json', 'APPLICATION/JSON', 'application/json; charset="utf-8"'],
  ])('takes JSON as %j, over a socket too', async (type) => {
    await using server = createApiServer(api.deps, { host: '127.0.0.1', port: 0 });
    const { url } = await server.start();
    const request = {
      method: 'POST',
      headers: { Authorization: `Bearer ${tenant.key}`, 'Content-Type': type },
      body: JSON.stringify({ label: 'json' }),
    };
    expect((await fetch(`${url}/v1/api-keys`, request)).status).toBe(201);
    expect((await api.app.request('/v1/api-keys', request)).status).toBe(201);
  });

  it.each(['text/plain', 'application/jsonx', 'multipart/form-data', 'nonsense'])(
    'refuses %j, with a body and without',
    async (type) => {
      for (const body of ['{}', '']) {
        const answer = await api.call('POST', '/v1/members', {
          key: tenant.key,
          body,
          headers: { 'Content-Type': type },
        });
        expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported-media-type' } });
      }
    },
  );
});
