import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { plainMail } from '../providers/imap/support.ts';
import { startAskingMailbox } from '../support/asking-mailbox.ts';
import { openEmulatedMailbox, upTo } from '../support/emulated-mailbox.ts';
import { logins } from '../support/hang-ups.ts';

const elsewhere = 'Elsewhere';
const bombs = 16;

/** More than one look tries again. */
const [bad, retried] = [50, 20];

/** 89 kB, of which Dovecot makes a structure of 130,000 tokens. */
const bomb = [
  'From: a@example.org',
  'To: jane@example.com',
  'Subject: hi',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  `${'--b\r\n\r\n\r\n'.repeat(9_900)}--b--`,
  '',
].join('\r\n');

it('messages that break a bound leave logins for new mail when they are tried again', async () => {
  await using world = await openEmulatedMailbox();
  const { mailbox, append, faults } = world;
  append('INBOX', upTo(100));
  await mailbox.live();
  faults.line = (line) => line.replace(/(?<=FETCH \(UID \d*[02468] .*)\{\d+\}$/, '{999999999}');
  // A page's connections do not suffice for them, a session's do.
  expect(await logins(world, () => world.backfill())).toBeLessThanOrEqual(bad + 3);
  const odd = upTo(100).filter((uid) => uid % 2 === 1);
  expect(await world.stored()).toEqual(odd);
  expect(await world.skips()).toHaveLength(bad);
  append('INBOX', [101]);
  expect(await logins(world, () => mailbox.live())).toBeLessThanOrEqual(retried + 1);
  expect(await world.stored()).toEqual([...odd, 101]);
  const reports = [];
  do reports.push(await mailbox.live());
  while ((await world.skips()).some(({ quarantined }) => !quarantined) && reports.length < 20);
  for (const report of reports) expect(report).toMatchObject({ outcome: 'done' });
  expect(await logins(world, () => mailbox.live())).toBe(0);
});

it('mails of ten thousand parts stop neither their mailbox nor the mail between them', async () => {
  await using world = await startAskingMailbox('qresync');
  const { mailbox, other } = world;
  await other.mailboxCreate(elsewhere);
  await world.settle();
  for (let i = 0; i < bombs; i += 1) await other.append('INBOX', bomb);
  await other.append('INBOX', plainMail('an honest one'));
  await other.append(elsewhere, plainMail('another one'));
  expect(await world.live()).toMatchObject({ outcome: 'done', stored: 2 });
  expect((await mailbox.places()).map(({ folder, uid }) => [folder, uid])).toEqual([
    [elsewhere, 1],
    ['INBOX', bombs + 1],
  ]);
  const skips = await mailbox.read(sql`select uid::int as uid, reason from skips order by uid`);
  expect(skips).toEqual(
    Array.from({ length: bombs }, (_, i) => ({ uid: i + 1, reason: 'too-large' })),
  );
  // Trying them again holds nothing up either.
  await other.append('INBOX', plainMail('a later one'));
  expect(await world.live()).toMatchObject({ outcome: 'done', stored: 1 });
});
