import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Dovecot } from '../support/dovecot.ts';

const run = promisify(execFile);

export interface Figures {
  seconds: number;
  cpuMs?: number;
  rssMb?: number;
  /** What the disk took for one file just before. */
  diskMs?: number;
}

/** A message of the usual mix, and enough of them that one slow write does not decide. */
const [probeFiles, probeBytes] = [300, 9_000];

/**
 * The usual IMAP mirror, with every message on disk before the next, or left to the system. Its
 * files stay until the bench ends, so that nobody pays for their deletion.
 */
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
  return { seconds: (performance.now() - started) / 1_000 };
}

/**
 * Milliseconds until a small new file is on the disk, the mean of some hundred. The durable mirror
 * waits for it once a message, so its speed is the disk's; on a rented disk it differs from minute
 * to minute.
 */
export function diskSyncMs(folder: string): number {
  const probe = mkdtempSync(path.join(folder, 'probe-'));
  const body = Buffer.alloc(probeBytes, 'x');
  const started = performance.now();
  for (let i = 0; i < probeFiles; i += 1) {
    writeFileSync(path.join(probe, `${i}`), body, { flush: true });
  }
  return (performance.now() - started) / probeFiles;
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
