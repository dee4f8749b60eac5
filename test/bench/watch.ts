import { fork, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { workerMemory } from '../../runtime/worker-memory.ts';
import { dayMs, secondMs } from '../../domain/clock.ts';
import { watchShards } from '../../workflows/contract.ts';
import { waitFor } from '../support/wait-for.ts';
import { machine, publish, spread } from './figures.ts';
import { prepareStore, type Store } from './store.ts';
import { addConnections } from './watch-connections.ts';
import type { WatchNews } from './watch-run.ts';
import type { ServerNews } from './watch-server.ts';

const settleMs = 15 * secondMs;

/** The SDK sends a heartbeat after 80 % of its time-out (60 s). */
const heartbeatMs = 48 * secondMs;

const patience = { timeoutMs: 300_000, intervalMs: 50 };

interface Watched {
  server: Child<ServerNews>;
  worker: Child<WatchNews>;
  /** Connection ids by user. */
  connections: Map<string, string>;
}

interface Child<News extends { kind: string }> {
  process: ChildProcess;
  news: News[];
}

/**
 * A thousand watched connections in one process: memory, work while idle, the time from an arrival
 * to the poke, and how soon all are back when the server restarts.
 */
export async function benchWatch(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      connections: { type: 'string', default: '1000' },
      arrivals: { type: 'string', default: '100' },
      'idle-seconds': { type: 'string', default: '60' },
    },
  });
  const count = Number(values.connections);
  console.log(machine());
  const folder = mkdtempSync(path.join(tmpdir(), 'steward-bench-'));
  chmodSync(folder, 0o755); // Postgres runs as another account when root runs the bench
  const store = await prepareStore(folder);
  const server = start<ServerNews>('watch-server.ts', ['--users', String(count)]);
  const { port } = await hear(server, 'listening');
  const connections = await addConnections(store, port, count);
  const worker = start<WatchNews>('watch-run.ts', [
    ...['--database', store.appUrl, '--keys', store.keysUrl],
    ...['--rootKey', store.rootKey.toString('hex')],
  ]);
  const watched = { server, worker, connections };
  const rows: object[] = [];
  const note = (what: string, value: string): void => {
    rows.push({ what, value });
    console.log(`${what}: ${value}`);
  };
  try {
    await measure(watched, store, { ...values, count }, note);
  } finally {
    for (const child of [server, worker]) child.process.kill();
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  publish('watch', rows, { connections: count, server: 'emulator in a process of its own' });
}

async function measure(
  watched: Watched,
  store: Store,
  options: { count: number; arrivals: string; 'idle-seconds': string },
  note: (what: string, value: string) => void,
): Promise<void> {
  const { server, worker } = watched;
  const { count } = options;
  const before = await figuresOf(worker);
  const began = Date.now();
  worker.process.send('hold');
  await waitFor(() => idlers(server) === count, { what: 'all sessions', ...patience });
  note('all sessions opened after', `${((Date.now() - began) / 1_000).toFixed(1)} s`);
  // The server's own counters of the opening come late.
  await delay(settleMs);
  const [queriesBefore, cpuBefore] = [await transactions(store), await figuresOf(worker)];
  const idleSeconds = Number(options['idle-seconds']);
  await delay(idleSeconds * secondMs);
  const after = await figuresOf(worker);
  const perSecond = ((await transactions(store)) - queriesBefore) / idleSeconds;
  note(
    'resident memory',
    `${after.rssMb.toFixed(0)} MB, of which ${before.rssMb.toFixed(0)} MB empty`,
  );
  const each = (field: 'rssMb' | 'heapMb') => ((after[field] - before[field]) * 1024) / count;
  note(
    'a connection',
    `${each('rssMb').toFixed(0)} KB resident, ${each('heapMb').toFixed(0)} KB heap`,
  );
  const share = (after.cpuMs - cpuBefore.cpuMs) / (idleSeconds * 10);
  note('processor while idle', `${share.toFixed(1)} % of a core`);
  note('Postgres while idle', `${perSecond.toFixed(1)} transactions/s`);
  note('arrival to poke', inMs(await arrivals(watched, Number(options.arrivals))));
  note('restart of the server to IDLE again', inMs(await restart(watched, count)));
  const beats = (watchShards * dayMs) / heartbeatMs;
  note('Temporal actions of the shards', `${beats} heartbeats a day for all connections together`);
  note('Temporal actions of a connection', '0 by its watch, 1 a poke');
}

/** One after the other, in different mailboxes. */
async function arrivals(
  { server, worker, connections }: Watched,
  count: number,
): Promise<number[]> {
  const times: number[] = [];
  for (const [user, connectionId] of [...connections].slice(0, count)) {
    worker.news.length = 0;
    server.news.length = 0;
    server.process.send({ kind: 'append', user });
    const { at } = await hear(server, 'appended');
    const poke = await waitFor(
      () => worker.news.find((news) => news.kind === 'poke' && news.connectionId === connectionId),
      { what: 'the poke', timeoutMs: 30_000, intervalMs: 5 },
    );
    if (poke.kind === 'poke') times.push(Math.max(poke.at - at, 0));
  }
  return times;
}

/** From the moment at which the server is up again, for each session. */
async function restart({ server }: Watched, count: number): Promise<number[]> {
  server.news.length = 0;
  server.process.send({ kind: 'restart', downMs: 3_000 });
  const { at: up } = await hear(server, 'restarted');
  await waitFor(() => idlers(server) === count, { what: 'all sessions back', ...patience });
  return server.news.flatMap((news) => (news.kind === 'idle' ? [news.at - up] : []));
}

function idlers({ news }: Child<ServerNews>): number {
  return news.filter(({ kind }) => kind === 'idle').length;
}

async function figuresOf(worker: Child<WatchNews>) {
  worker.news = worker.news.filter(({ kind }) => kind !== 'figures');
  worker.process.send('figures');
  return await hear(worker, 'figures');
}

async function transactions(store: Store): Promise<number> {
  const [row] = await store.app.sql`
    select xact_commit::int as commits from pg_stat_database where datname = current_database()`;
  return Number(row?.['commits']);
}

function start<News extends { kind: string }>(file: string, args: string[]): Child<News> {
  const script = fileURLToPath(new URL(`./${file}`, import.meta.url));
  const process = fork(script, args, {
    execArgv: [...workerMemory.nodeFlags, '--expose-gc'],
    env: { ...globalThis.process.env, ...workerMemory.environment },
  });
  const child: Child<News> = { process, news: [] };
  process.on('message', (news) => void child.news.push(news as News));
  return child;
}

async function hear<News extends { kind: string }, K extends News['kind']>(
  child: Child<News>,
  kind: K,
): Promise<Extract<News, { kind: K }>> {
  const isIt = (news: News): news is Extract<News, { kind: K }> => news.kind === kind;
  return await waitFor(() => child.news.find(isIt), { what: kind, timeoutMs: 60_000 });
}

function inMs(times: number[]): string {
  const { p50, p95, max } = spread(times);
  return `p50 ${p50} ms, p95 ${p95} ms, max ${max} ms (${times.length})`;
}
