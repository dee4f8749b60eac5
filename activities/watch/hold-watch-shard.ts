import { listWatched } from '../../db/queries/sync/watched.ts';
import { describeError } from '../safe-failure.ts';
import type { ActivityDeps } from '../deps.ts';
import type { HostGate } from './host-gate.ts';
import { pause } from '../pause.ts';
import { createSignsOfLife } from './signs-of-life.ts';
import { watchTimes } from './watch-times.ts';
import {
  createWatchedConnection,
  type WatchedConnection,
  type WatchShard,
} from './watched-connection.ts';

/**
 * Holds the IDLE sessions of a shard's connections and sweeps their folders until it is cancelled.
 * What it sees becomes a poke; the sync workflows do the work. The gate is shared by all shards of
 * the process.
 */
export async function holdWatchShard(
  deps: ActivityDeps,
  gate: HostGate,
  shard: number,
  cancelled: AbortSignal,
): Promise<void> {
  const held = new Map<string, WatchedConnection>();
  const times = { ...watchTimes, ...deps.watchTimes };
  const parts = { deps, gate, times, signs: createSignsOfLife(deps) };
  try {
    while (!cancelled.aborted) {
      await callRoster(parts, shard, held);
      await pause(times.rosterMs, cancelled);
    }
  } finally {
    await Promise.all([...held.values()].map((connection) => connection.close()));
  }
  cancelled.throwIfAborted();
}

/**
 * Opens what is new in the shard, closes what left it, and writes the signs of life. The counters
 * are part of the key: a transition ends the old session. A database that is away for a moment is
 * no reason to close a thousand sessions, so its errors are those of one roster.
 */
async function callRoster(
  parts: WatchShard,
  shard: number,
  held: Map<string, WatchedConnection>,
): Promise<void> {
  try {
    await parts.signs.write();
    const wanted = new Map(
      (await listWatched(parts.deps.database, shard)).map((ref) => [
        `${ref.connectionId}/${ref.generation}/${ref.epoch}`,
        ref,
      ]),
    );
    const gone = [...held].filter(([key]) => !wanted.has(key));
    for (const [key] of gone) held.delete(key);
    await Promise.all(gone.map(([, connection]) => connection.close()));
    for (const [key, ref] of wanted) {
      if (!held.has(key)) held.set(key, createWatchedConnection(parts, ref));
    }
  } catch (error) {
    parts.deps.log.warn({ shard, kind: describeError(error) }, 'roster of the watch not read');
  }
}
