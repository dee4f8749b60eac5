import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDovecot, type CapabilityLevel, type Dovecot } from '../../support/dovecot.ts';
import {
  accountAt,
  appendMany,
  dovecotAccount,
  findCollection,
  localProvider,
  scriptServer,
} from './support.ts';

describe.each<CapabilityLevel>(['condstore', 'plain'])('folders of a %s server', (level) => {
  const provider = localProvider();
  let dovecot: Dovecot;

  beforeAll(async () => {
    dovecot = await startDovecot({ capabilities: level, rawLog: true });
    const admin = await dovecot.imap();
    for (const name of ['Sent', 'Trash', 'Entwürfe', 'Kunden.Müller & Söhne', '日本語.🙂']) {
      await admin.mailboxCreate(name);
    }
    await appendMany(admin, 'Kunden.Müller & Söhne', 3);
    await admin.logout();
  });
  afterAll(async () => {
    await provider.close();
    await dovecot.stop();
  });

  test('names, nesting, roles and counters', async () => {
    await using session = await provider.connect(dovecotAccount(dovecot));
    const collections = await session.collections();
    const found = new Map(collections.map((each) => [each.path.join(' > '), each]));
    expect([...found.keys()].toSorted()).toEqual(
      ['Entwürfe', 'INBOX', 'Kunden > Müller & Söhne', 'Sent', 'Trash', '日本語 > 🙂'].toSorted(),
    );
    const roles = collections.flatMap(({ role, path }) =>
      role ? [`${role}: ${path.join()}`] : [],
    );
    expect(roles.toSorted()).toEqual([
      'drafts: Entwürfe',
      'inbox: INBOX',
      'sent: Sent',
      'trash: Trash',
    ]);
    const customers = found.get('Kunden > Müller & Söhne');
    expect(customers).toMatchObject({ messages: 3, exact: level === 'condstore' });
    expect(customers?.uidValidity).toMatch(/^\d+$/);
  });

  test('one round trip where the server can do it', async () => {
    await using session = await provider.connect(dovecotAccount(dovecot));
    const before = statusCommands(dovecot);
    await session.collections();
    expect(statusCommands(dovecot) > before).toBe(level === 'plain');
  });

  test('the mark moves with new mail, flags and expunges', async () => {
    await using session = await provider.connect(dovecotAccount(dovecot));
    const admin = await dovecot.imap();
    const marks: string[] = [];
    const note = async () => marks.push((await findCollection(session, 'Sent')).mark);
    await note();
    await appendMany(admin, 'Sent', 2);
    await note();
    await admin.mailboxOpen('Sent');
    await admin.messageFlagsAdd('1', ['\\Seen'], { uid: true });
    await note();
    await admin.messageDelete('1', { uid: true });
    await note();
    await admin.logout();
    expect(new Set(marks).size).toBe(4);
  });
});

function statusCommands(dovecot: Dovecot): number {
  return dovecot.commands().match(/^\S+ \S+ STATUS /gm)?.length ?? 0;
}

describe('hostile listings', () => {
  test('more folders than anybody has', async () => {
    await using server = await scriptServer((tag, command) => {
      if (!command.startsWith('LIST "" "*"')) return undefined;
      const lines = Array.from({ length: 10_001 }, (_, i) => `* LIST (\\Noselect) "/" f${i}\r\n`);
      return `${lines.join('')}${tag} OK\r\n`;
    });
    const provider = localProvider();
    await using session = await provider.connect(accountAt(server));
    await expect(session.collections()).rejects.toMatchObject({ code: 'imap-too-many-folders' });
    await provider.close();
  });

  test('a listing that does not end', async () => {
    await using server = await scriptServer((_tag, command) =>
      command.startsWith('LIST "" "*"')
        ? `* LIST () "/" ${'x'.repeat(1_000)}\r\n`.repeat(7_000)
        : undefined,
    );
    const provider = localProvider();
    await using session = await provider.connect(accountAt(server));
    await expect(session.collections()).rejects.toMatchObject({ kind: 'too-large' });
    await provider.close();
  });

  test('a listing of ids that does not end', async () => {
    await using server = await scriptServer((tag, command) => {
      const ok = `${tag} OK\r\n`;
      const offered = 'IMAP4rev1 LIST-EXTENDED LIST-STATUS OBJECTID';
      if (command === 'CAPABILITY') return `* CAPABILITY ${offered}\r\n${ok}`;
      if (!command.includes('MAILBOXID')) return undefined;
      const rows = Array.from(
        { length: 30_000 },
        (_, i) => `* LIST () "/" f${i}\r\n* STATUS f${i} (MAILBOXID (i${i}))\r\n`,
      );
      return rows.join('') + ok;
    });
    const provider = localProvider();
    await using session = await provider.connect(accountAt(server));
    await expect(session.collections()).rejects.toMatchObject({ code: 'imap-too-many-folders' });
    await provider.close();
  });
});
