import { afterAll, expect, test } from 'vitest';
import { uuidv7 } from '../../domain/ids.ts';
import type { EncodeJob } from '../../domain/mail-page.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';
import { createMemoryKeyStore } from '../support/keys.ts';
import { rawMessage } from '../support/raw-message.ts';

const tenantId = uuidv7();
const keyring = createKeyring({
  ...{ rootKeys: () => [Buffer.alloc(32, 7)], store: createMemoryKeyStore() },
  ...{ cacheMs: 60_000, cacheMax: 10 },
});
const encoder = createPageEncoder(keyring);

afterAll(() => encoder[Symbol.asyncDispose]());

test('a letter that has just arrived does not wait behind the pages of an import', async () => {
  await keyring.create(tenantId);
  // Both threads are awake, and know the tenant's keys.
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

function page(size: number): EncodeJob {
  const messages = Array.from({ length: size }, (_, i) =>
    rawMessage({
      uid: i + 1,
      headers: `Subject: letter ${i}\r\nMessage-ID: <${i}@example.org>\r\n\r\n`,
      text: 'All is well. '.repeat(150),
    }),
  );
  const folder = { folderId: uuidv7(), uidValidity: '1', folderRole: null };
  const ids = { tenantId, connectionId: uuidv7(), ownAddressIds: [] };
  return { ...ids, ...folder, knownIds: new Map(), messages };
}
