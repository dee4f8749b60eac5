import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ImapFlow } from 'imapflow';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decodeMessage } from '../../activities/mail/decode-message.ts';
import type { MailSession } from '../../domain/provider.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { hashText, type OracleFolder, readOracle } from '../support/imap-oracle.ts';
import { owner } from './imap/sample/letter.ts';
import { openSampleMailbox } from './imap/sample/mailbox.ts';
import { createImapEmulator, type ImapEmulator } from './imap/server.ts';

const password = 'sample';
const bounds = { itemsMax: 200, bytesMax: 4 * 1024 * 1024 };
let folder: string;
let server: ImapEmulator;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'steward-sample-'));
  server = await createImapEmulator({
    users: { [owner.address]: password },
    accounts: { [owner.address]: openSampleMailbox(folder).mailboxes },
  });
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test('our adapter reads the sample mailbox as another client does, and by the grammar', async () => {
  const provider = createImapProvider({
    allowedNetworks: ['127.0.0.0/8'],
    allowCleartext: true,
  });
  const account = { host: '127.0.0.1', port: server.port, username: owner.address, password };
  const session = await provider.connect({
    key: 'sample',
    imap: { ...account, security: 'none' },
  });
  const mine = await readAll(session);
  await session[Symbol.asyncDispose]();
  await provider.close();
  expect(mine).toEqual(await readOther());
  expect(server.faults).toEqual([]);
});

async function readAll(session: MailSession): Promise<Map<string, OracleFolder>> {
  const folders = new Map<string, OracleFolder>();
  for (const collection of await session.collections()) {
    const messages: OracleFolder['messages'] = new Map();
    const pages = session.history({ collection, cursor: null, since: undefined, bounds });
    for await (const page of pages) {
      expect(page.failures).toEqual([]);
      for (const raw of page.messages) {
        const { text, html } = decodeMessage(raw).body;
        const hashes = { textHash: hashText(text), htmlHash: hashText(html) };
        messages.set(raw.uid, {
          ...{ flags: raw.flags, keywords: raw.keywords.toSorted() },
          ...hashes,
        });
      }
    }
    folders.set(collection.ref, { uidValidity: collection.uidValidity ?? '', messages });
  }
  return folders;
}

async function readOther(): Promise<Map<string, OracleFolder>> {
  const client = new ImapFlow({
    ...{ host: '127.0.0.1', port: server.port, secure: false, logger: false },
    auth: { user: owner.address, pass: password },
  });
  await client.connect();
  const folders = await readOracle(client);
  await client.logout();
  return folders;
}
