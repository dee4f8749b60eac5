import { chmodSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDovecot, type Dovecot } from '../../support/dovecot.ts';
import { appendMany, dovecotAccount, localProvider, readHistory, uidsOf } from './support.ts';

const provider = localProvider();
let dovecot: Dovecot;

beforeAll(async () => {
  dovecot = await startDovecot({ capabilities: 'condstore', password: 'secret' });
});
afterAll(async () => {
  await provider.close();
  await dovecot?.stop();
});

test('a letter whose file Dovecot may not read is a failure, and the others are read', async () => {
  const admin = await dovecot.imap();
  await appendMany(admin, 'INBOX', 30);
  await admin.logout();
  const folder = path.join(dovecot.maildir, 'new');
  // The names begin with the time of the delivery.
  const files = readdirSync(folder).toSorted();
  chmodSync(path.join(folder, files[11]!), 0);
  await using session = await provider.connect(dovecotAccount(dovecot));
  const pages = await readHistory(session, 'INBOX');
  expect(pages.flatMap((page) => page.failures)).toEqual([
    { uid: expect.any(Number), reason: 'provider-hung-up' },
  ]);
  expect(uidsOf(pages)).toHaveLength(files.length - 1);
});
