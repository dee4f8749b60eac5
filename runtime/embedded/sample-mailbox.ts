import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '../problem.ts';
import { logTail, type ServiceProcess } from '../supervise/process.ts';
import type { Home } from './home.ts';
import { startNodeService } from './node-service.ts';
import { claimPort } from './port.ts';

export interface SampleMailbox {
  host: string;
  port: number;
  username: string;
  password: string;
}

const startTimeoutMs = 30_000;
const pollMs = 50;

/** The IMAP server of the sandbox, with mail that goes on arriving. */
export async function startSampleMailbox(
  home: Home,
  mailbox: SampleMailbox,
): Promise<ServiceProcess> {
  const state = path.join(home.folder, 'sample-mailbox');
  const running = await startNodeService(home, {
    name: 'sample-mailbox',
    script: 'test/emulators/imap/main.ts',
    args: ['--port', String(mailbox.port), '--state', state],
  });
  const deadline = Date.now() + startTimeoutMs;
  while (!(await accepts(mailbox))) {
    if (running.hasExited() || Date.now() > deadline) {
      const log = path.join(home.stateDir, 'sample-mailbox.log');
      if (!running.hasExited()) await running.stop();
      throw new Problem(
        `The sample mailbox does not start. Its last words:\n${logTail(log)}`,
        `Read ${log}. If ${state} is damaged, delete it: it is made anew.`,
      );
    }
    await delay(pollMs);
  }
  return running;
}

/**
 * The port of an instance's sample mailbox, chosen once: a connection made to it must find it there
 * again after a restart. STEWARD_SAMPLE_PORT chooses another.
 */
export async function claimSamplePort(home: Home, asked: number | undefined): Promise<number> {
  const file = path.join(home.folder, 'sample-mailbox.port');
  const kept = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  const port = await claimPort(asked ?? kept, 'the sample mailbox', 'STEWARD_SAMPLE_PORT');
  writeFileSync(file, `${port}\n`);
  return port;
}

/** As a URL, for the process that offers to connect it. */
export function sampleMailboxUrl({ host, port, username, password }: SampleMailbox): string {
  const [user, secret] = [username, password].map(encodeURIComponent);
  return `imap://${user}:${secret}@${host}:${port}`;
}

function accepts({ host, port }: SampleMailbox): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const answer = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
