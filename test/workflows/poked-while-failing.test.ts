import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { startFailingImport, type FailingImport } from './failing-import.ts';

const pokes = 5;

let failing: FailingImport;

beforeAll(async () => {
  failing = await startFailingImport();
}, 120_000);

afterAll(() => failing.mailbox[Symbol.asyncDispose]());

it('waits with an import that failed until its time, or until the server answers again', async () => {
  for (let poke = 1; poke <= pokes; poke += 1) await failing.look();
  await failing.look({ fails: true });
  await failing.look({ fails: true });
  expect(failing.imports()).toBe(1);
  await failing.look();
  await waitFor(() => failing.imports() === 2, { what: 'the import after the recovery' });
  await failing.look();
  expect(failing.imports()).toBe(2);
  await failing.look({ takesUp: true });
  await waitFor(() => failing.imports() === 3, { what: 'the import under new settings' });
});
