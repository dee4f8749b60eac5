import { expect, onTestFinished, test } from 'vitest';
import { ImapClient } from '../../../providers/imap/client.ts';
import { createImapEmulator } from '../../emulators/imap/server.ts';

test('a row that cannot be kept fails its fetch, and the connection goes on', async () => {
  const emulator = await createImapEmulator({ users: { jane: 'secret' } });
  onTestFinished(() => emulator.close());
  const raw = Buffer.from('Subject: a letter\r\n\r\nAll is well.\r\n');
  for (let i = 0; i < 3; i += 1) emulator.account('jane').append('INBOX', raw);
  const client = new ImapClient({
    ...{ host: '127.0.0.1', port: emulator.port, secure: false, logger: false },
    auth: { user: 'jane', pass: 'secret' },
  });
  onTestFinished(() => client.close());
  await client.connect();
  await client.mailboxOpen('INBOX');

  const seen: number[] = [];
  const read = client.fetchRows('1:3', ['UID', 'FLAGS'], ({ uid }) => {
    seen.push(uid);
    if (uid === 2) throw new Error('no room for it');
  });
  await expect(read).rejects.toThrow('no room for it');
  // What came after it belongs to a fetch that has failed.
  expect(seen).toEqual([1, 2]);

  const again: number[] = [];
  await client.fetchRows('1:3', ['UID', 'FLAGS'], ({ uid }) => void again.push(uid));
  expect(again).toEqual([1, 2, 3]);
});
