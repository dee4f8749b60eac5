import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Dovecot } from '../support/dovecot.ts';

const run = promisify(execFile);

export interface Figures {
  seconds: number;
  cpuMs?: number;
  rssMb?: number;
}

/** The usual IMAP mirror, with every message on disk before the next, or left to the system. */
export async function mbsync(
  folder: string,
  dovecot: Dovecot,
  fsync: 'yes' | 'no',
): Promise<Figures> {
  const target = mkdtempSync(path.join(folder, 'mbsync-'));
  const passwordFile = path.join(target, 'password');
  writeFileSync(passwordFile, dovecot.password);
  const configuration = path.join(target, 'mbsyncrc');
  writeFileSync(
    configuration,
    `FSync ${fsync}
IMAPAccount bench
Host ${dovecot.host}
Port ${dovecot.port}
User ${dovecot.user}
PassCmd "cat ${passwordFile}"
SSLType None
AuthMechs LOGIN

IMAPStore remote
Account bench

MaildirStore local
Path ${target}/mail/
Inbox ${target}/mail/INBOX
SubFolders Verbatim

Channel bench
Far :remote:
Near :local:
Patterns *
Create Near
Sync Pull
SyncState *
`,
  );
  mkdirSync(path.join(target, 'mail'));
  const started = performance.now();
  await run('mbsync', ['-c', configuration, '-q', '-a'], { maxBuffer: 2 ** 24 });
  const seconds = (performance.now() - started) / 1_000;
  rmSync(target, { recursive: true, force: true });
  return { seconds };
}

/** Everything fetched and thrown away: what the protocol alone costs in Node. */
export async function bareFetch(dovecot: Dovecot): Promise<Figures> {
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const client = await dovecot.imap();
  for (const { path: name } of await client.list()) {
    const lock = await client.getMailboxLock(name);
    if (client.mailbox && client.mailbox.exists > 0) {
      for await (const message of client.fetch('1:*', { source: true, flags: true })) {
        if (!message.source) throw new Error('a message without a source');
      }
    }
    lock.release();
  }
  await client.logout();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seconds: (performance.now() - started) / 1_000, cpuMs: (user + system) / 1_000 };
}
