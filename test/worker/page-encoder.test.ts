import { Worker } from 'node:worker_threads';
import { afterAll, expect, test, vi } from 'vitest';
import { uuidv7 } from '../../domain/ids.ts';
import type { EncodeJob, Span } from '../../domain/mail-page.ts';
import type { WrappedKeyStore } from '../../domain/seal.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';
import { createMemoryKeyStore } from '../support/keys.ts';
import { rawMessage } from '../support/raw-message.ts';
import { waitFor } from '../support/wait-for.ts';

const tenantId = uuidv7();
const keyring = createKeyring({
  ...{ rootKeys: () => [Buffer.alloc(32, 7)], store: createMemoryKeyStore() },
  ...{ cacheMs: 60_000, cacheMax: 10 },
});
const encoder = createPageEncoder(keyring);

afterAll(() => encoder[Symbol.asyncDispose]());

test('a letter that has just arrived does not wait behind the pages of an import', async () => {
  await keyring.create(tenantId);
  // All threads are awake, and know the tenant's keys.
  await Promise.all([encoder.encode(page(1)), encoder.encode(page(400))]);
  let imported = 0;
  const pages = Array.from({ length: 8 }, async () => {
    await encoder.encode(page(400));
    imported += 1;
  });
  const { messages } = await encoder.encode(page(1));
  expect(messages).toHaveLength(1);
  expect(imported).toBeLessThan(4);
  await Promise.all(pages);
});

test('a page that threads shared is whole, in its order, and opens', async () => {
  await keyring.create(tenantId);
  const vault = await keyring.vault(tenantId);
  const job = page(401);
  const { messages, addresses, labels, failures, blob } = await encoder.encode(job);
  expect(messages.map(({ uid }) => uid)).toEqual(Array.from({ length: 401 }, (_, i) => i + 1));
  expect(failures).toEqual([]);
  const open = (table: string, column: string, rowId: string, [at, length]: Span): unknown => {
    const value = vault.open({ table, column, rowId }, blob.subarray(at, at + length));
    return JSON.parse(Buffer.from(value).toString());
  };
  for (const { id, uid, envelope, body } of messages) {
    const subject = `letter ${uid - 1}`;
    expect(open('messages', 'envelope', id, envelope)).toMatchObject({ subject });
    expect(open('messages', 'body', id, body)).toBeDefined();
  }
  // Both parts brought the same ones.
  expect(addresses).toHaveLength(1);
  expect(labels).toHaveLength(1);
  for (const { id, address } of addresses) {
    const value = open('addresses', 'address', id, address);
    expect(value).toEqual({ address: 'ada@example.org' });
  }
  for (const { id, name } of labels) {
    expect(open('labels', 'name', id, name)).toEqual({ name: 'urgent' });
  }
});

test('a tenant whose keys are destroyed is sealed for no longer than keys are kept', async () => {
  const store = createMemoryKeyStore();
  let destroyed = false;
  const list: WrappedKeyStore['list'] = async (id) => (destroyed ? [] : await store.list(id));
  const brief = createKeyring({
    ...{ rootKeys: () => [Buffer.alloc(32, 7)], store: { ...store, list } },
    ...{ cacheMs: 50, cacheMax: 10 },
  });
  await brief.create(tenantId);
  await using threads = createPageEncoder(brief);
  await threads.encode(page(1));
  destroyed = true;
  // What is in memory still may be used until its time is over.
  const refusal = await waitFor(
    async () => await threads.encode(page(1)).then(() => undefined, String),
    { what: 'a refusal' },
  );
  expect(refusal).toContain('has no keys');
});

test('the threads forget keys that are no longer asked for, and are sent new ones', async () => {
  const posted = vi.spyOn(Worker.prototype, 'postMessage');
  try {
    const brief = createKeyring({
      ...{ rootKeys: () => [Buffer.alloc(32, 7)], store: createMemoryKeyStore() },
      ...{ cacheMs: 50, cacheMax: 10 },
    });
    await brief.create(tenantId);
    await using threads = createPageEncoder(brief);
    await threads.encode(page(400));
    const forgotten = () => posted.mock.calls.filter(([sent]) => sent.kind === 'forget');
    await waitFor(async () => forgotten().length === 2, { what: 'both threads to forget' });
    expect(forgotten()).toEqual([[{ kind: 'forget', tenantId }], [{ kind: 'forget', tenantId }]]);
    expect((await threads.encode(page(400))).messages).toHaveLength(400);
  } finally {
    posted.mockRestore();
  }
});

test('keys go to a thread once, not with every page', async () => {
  await keyring.create(tenantId);
  await encoder.encode(page(1));
  const posted = vi.spyOn(Worker.prototype, 'postMessage');
  try {
    for (let i = 0; i < 5; i += 1) await encoder.encode(page(1));
    expect(posted.mock.calls.map(([sent]) => sent.keys)).toEqual(Array(5).fill(undefined));
  } finally {
    posted.mockRestore();
  }
});

function page(size: number): EncodeJob {
  const messages = Array.from({ length: size }, (_, i) =>
    rawMessage({
      uid: i + 1,
      headers: `From: ada@example.org\r\nSubject: letter ${i}\r\nMessage-ID: <${i}@x>\r\n\r\n`,
      keywords: ['urgent'],
      text: 'All is well. '.repeat(150),
    }),
  );
  const folder = { folderId: uuidv7(), uidValidity: '1', folderRole: null };
  const ids = { tenantId, connectionId: uuidv7(), ownAddressIds: [] };
  return { ...ids, ...folder, knownIds: new Map(), messages };
}
