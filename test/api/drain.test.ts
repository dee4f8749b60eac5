import { Agent, get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApiServer } from '../../api/server.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { createMailWorld, type MailWorld } from '../support/mail-world.ts';

/** Far below the ten seconds after which a draining server cuts what is left. */
const soonMs = 2_000;

let api: TestApi;
let world: MailWorld;
beforeAll(async () => {
  api = await createTestApi();
  world = await createMailWorld(api);
});
afterAll(() => api[Symbol.asyncDispose]());

it('stops soon with a console open: streams end, kept connections close', async () => {
  const server = createApiServer(api.deps, { host: '127.0.0.1', port: 0 });
  const { url } = await server.start();
  const agent = new Agent({ keepAlive: true });
  const headers = { authorization: `Bearer ${world.ours.key}` };
  const ask = async (path: string) =>
    await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${url}${path}`, { agent, headers }, resolve).once('error', reject);
    });
  const streams = [1, 2, 3].map(async () => {
    const stream = await ask(`/v1/connections/${world.connection}/events`);
    const received = new Promise((resolve) => stream.once('data', resolve));
    const ended = new Promise((resolve) => stream.once('end', () => resolve(stream.complete)));
    return { received, ended };
  });
  const opened = await Promise.all(streams);
  await Promise.all(opened.map(({ received }) => received));
  (await ask('/health/live')).resume();

  const before = performance.now();
  await server[Symbol.asyncDispose]();
  expect(performance.now() - before).toBeLessThan(soonMs);
  expect(await Promise.all(opened.map(({ ended }) => ended))).toEqual([true, true, true]);
  agent.destroy();
});
