import { parseArgs } from 'node:util';
import { createHostGate } from '../../activities/watch/host-gate.ts';
import { holdWatchShard } from '../../activities/watch/hold-watch-shard.ts';
import { openDatabase } from '../../db/client.ts';
import { createWrappedKeyStore } from '../../db/queries/wrapped-keys.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { watchShards } from '../../workflows/contract.ts';

/**
 * The watch of `npm run bench watch`: all shards in one process, with the parts of which the worker
 * composes them and without its other lanes, so that its figures are those of the watch.
 */
export type WatchNews =
  | { kind: 'poke'; connectionId: string; at: number }
  | { kind: 'figures'; rssMb: number; heapMb: number; cpuMs: number };

const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    keys: { type: 'string' },
    rootKey: { type: 'string' },
  },
});

const tell = (news: WatchNews): void => void process.send?.(news);
const pool = { poolMax: 20, applicationName: 'steward-bench' };
const database = openDatabase(values.database!, pool);
const keyring = createKeyring({
  rootKeys: () => [Buffer.from(values.rootKey!, 'hex')],
  store: createWrappedKeyStore(openDatabase(values.keys!, { ...pool, poolMax: 2 })),
  cacheMs: 300_000,
  cacheMax: 1_000,
});
const encode = (): Promise<never> => Promise.reject(new Error('the watch encodes nothing'));
const deps = {
  ...{ database, keyring, encoder: { encode } },
  mail: createImapProvider({ allowedNetworks: ['127.0.0.0/8'], allowCleartext: true }),
  poke: async (connectionId: string) => tell({ kind: 'poke', connectionId, at: Date.now() }),
  log: { info: () => undefined, warn: () => undefined },
};

process.on('message', (order) => {
  if (order === 'figures') tellFigures();
  else hold();
});
process.once('disconnect', () => process.exit());

function hold(): void {
  const gate = createHostGate();
  const never = new AbortController().signal;
  for (let shard = 0; shard < watchShards; shard += 1) {
    void holdWatchShard(deps, gate, shard, never);
  }
}

function tellFigures(): void {
  // What is garbage is no cost of a connection; the worker's heap is collected now and then too.
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const cpuMs = (user + system) / 1_000;
  tell({ kind: 'figures', rssMb: rss / 2 ** 20, heapMb: heapUsed / 2 ** 20, cpuMs });
}
