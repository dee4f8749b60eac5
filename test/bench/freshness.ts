import { renameSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ImapFlow } from 'imapflow';
import { startDovecot, type Dovecot } from '../support/dovecot.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { createHomeFolder, start } from '../support/started.ts';
import { waitFor } from '../support/wait-for.ts';
import { machine, publish, spread } from './figures.ts';
import { createInstanceClient, type InstanceClient } from './instance-client.ts';
import { readStages, type Stages } from './freshness-stages.ts';

/** How often the API is asked for the message: adds half of it to what is measured. */
const pollMs = 20;

/** Arrivals are spread by chance, so that they don't fall in step with the server's own delays. */
const pauseMaxMs = 400;

const historyFolder = 'History';

interface Arrival {
  at: number;
  /** Until the bare client of the same server has fetched the message. */
  peerMs: number;
  /** Until the API shows the message. */
  apiMs: number;
}

interface Bench {
  dovecot: Dovecot;
  api: InstanceClient;
  connection: string;
  writer: ImapFlow;
  peer: Peer;
}

/**
 * New mail by IDLE to visible at the API, on an idle connection and while the same mailbox is
 * imported. For every message a bare imapflow client with IDLE on the same inbox says when the
 * server let it know: what Steward adds to that is shown apart.
 */
export async function benchFreshness(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      samples: { type: 'string', default: '40' },
      history: { type: 'string', default: '60000' },
    },
  });
  const [samples, history] = [Number(values.samples), Number(values.history)];
  console.log(machine());
  const { home, remove } = createHomeFolder();
  const dovecot = await startDovecot({ capabilities: 'condstore' });
  generateMaildir({ maildir: dovecot.maildir, messages: 400, folders: 12, seed: 5, mix: 'usual' });
  const started = await start(home);
  try {
    const api = createInstanceClient(started.instance);
    const { host, port, user, password } = dovecot;
    const connection = await api.connect({ host, port, username: user, password });
    await api.waitForMail(connection, 'the watch', ({ state, watchAgeSeconds }) => {
      return state === 'live' && watchAgeSeconds !== null;
    });
    const writer = await dovecot.imap();
    const peer = await createPeer(await dovecot.imap());
    const bench = { dovecot, api, connection, writer, peer };
    const idle = await measure(bench, samples, async () => true);
    console.log(`idle: ${JSON.stringify(spread(idle.map(({ apiMs }) => apiMs)))}`);
    const busy = await measureDuringImport(bench, samples, history);
    const stages = (arrivals: Arrival[]) =>
      readStages(
        started.instance,
        connection,
        arrivals.map(({ at }) => at),
      );
    publish(
      'freshness',
      [...rows('idle', idle, await stages(idle)), ...rows('import', busy, await stages(busy))],
      {
        ...{ samples: { idle: idle.length, import: busy.length }, history },
      },
    );
    await Promise.all([writer.logout(), peer.close()]);
  } finally {
    started.process.kill('SIGTERM');
    await started.ended;
    await dovecot.stop();
    remove();
  }
}

async function measureDuringImport(
  bench: Bench,
  samples: number,
  history: number,
): Promise<Arrival[]> {
  const { dovecot, api, connection } = bench;
  await addHistory(dovecot, history);
  await api.ask(`/v1/connections/${connection}/sync`, { method: 'POST', body: '{}' });
  await api.waitForMail(connection, 'the import', ({ backfillDone }) => !backfillDone);
  return await measure(bench, samples, async () => !(await api.mail(connection)).backfillDone);
}

/** A folder that appears with all its messages, so that they are history and no new mail. */
async function addHistory(dovecot: Dovecot, messages: number): Promise<void> {
  const staging = path.join(path.dirname(dovecot.maildir), 'staging');
  generateMaildir({ maildir: staging, messages, folders: 1, seed: 6, mix: 'usual' });
  renameSync(staging, path.join(dovecot.maildir, `.${historyFolder}`));
  const isListed = async (): Promise<boolean> => {
    // The server lists folders anew when it sees another second in the date of theirs.
    utimesSync(dovecot.maildir, new Date(), new Date());
    const client = await dovecot.imap();
    const found = await client.list();
    await client.logout();
    return found.some((folder) => folder.path === historyFolder);
  };
  await waitFor(isListed, { what: 'the folder to import', intervalMs: 500 });
}

/** Arrivals one after the other, as many as asked for or as long as the condition holds. */
async function measure(
  bench: Bench,
  samples: number,
  goesOn: () => Promise<boolean>,
): Promise<Arrival[]> {
  const arrivals: Arrival[] = [];
  while (arrivals.length < samples) {
    await delay(Math.random() * pauseMaxMs);
    const arrival = await arrive(bench, `new ${arrivals.length} ${Date.now()}`);
    if (!(await goesOn())) break;
    arrivals.push(arrival);
  }
  return arrivals;
}

async function arrive({ api, connection, writer, peer }: Bench, subject: string): Promise<Arrival> {
  const text = `Subject: ${subject}\r\nMessage-ID: <${Date.now()}@bench>\r\n\r\nhello\r\n`;
  const fetched = peer.next();
  await writer.append('INBOX', text);
  const at = Date.now();
  // Dates have whole seconds, so the newest message need not be the first.
  const route = `/v1/messages?connection=${connection}&limit=5`;
  const since = async (event: Promise<unknown>): Promise<number> => {
    await event;
    return Date.now() - at;
  };
  const peerMs = await since(fetched);
  // Asking sooner would only load the machine: no client hears of the message before the server says so.
  const apiMs = await since(
    waitFor(
      async () => {
        const { data } = await api.ask<{ data: { subject: string }[] }>(route);
        return data.some((message) => message.subject === subject);
      },
      { what: subject, intervalMs: pollMs, timeoutMs: 60_000 },
    ),
  );
  return { at, peerMs, apiMs };
}

interface Peer {
  /** Resolves when the next message has been announced and fetched. */
  next(): Promise<void>;
  close(): Promise<void>;
}

/** What any client has to wait for: IDLE, and one FETCH of what it announced. */
async function createPeer(client: ImapFlow): Promise<Peer> {
  await client.mailboxOpen('INBOX', { readOnly: true });
  let resume: (() => void) | undefined;
  const take = async (count: number): Promise<void> => {
    await client.fetchOne(String(count), { source: true, flags: true });
    resume?.();
    void client.idle();
  };
  client.on('exists', ({ count }) => void take(count));
  void client.idle();
  return {
    next: () => new Promise((resolve) => (resume = resolve)),
    close: () => client.logout(),
  };
}

function rows(load: string, arrivals: Arrival[], stages: Stages[]): object[] {
  const row = (name: string, values: number[]) => ({ load, ms: name, ...spread(values) });
  return [
    row(
      'new mail visible at the API',
      arrivals.map(({ apiMs }) => apiMs),
    ),
    row(
      'bare imapflow client has it',
      arrivals.map(({ peerMs }) => peerMs),
    ),
    row(
      'Steward over the bare client',
      arrivals.map(({ apiMs, peerMs }) => apiMs - peerMs),
    ),
    row(
      '· until the poke is in Temporal',
      stages.map(({ pokedMs }) => pokedMs),
    ),
    row(
      '· from the poke to the slice',
      stages.map(({ startedMs }) => startedMs),
    ),
    row(
      '· the whole slice',
      stages.map(({ sliceMs }) => sliceMs),
    ),
  ];
}
