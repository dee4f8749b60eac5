import { setTimeout as delay } from 'node:timers/promises';
import { listWatched } from '../../db/queries/sync/watched.ts';
import { secondMs } from '../../domain/clock.ts';
import type { ActivityDeps } from '../deps.ts';
import { createWatchedConnection, type WatchedConnection } from './watched-connection.ts';

/** How soon a new, paused or ended connection is noticed. One query a shard. */
const rosterIntervalMs = 5 * secondMs;

/**
 * Holds the IDLE sessions of a shard's connections and sweeps their folders until it is cancelled.
 * What it sees becomes a poke; the sync workflows do the work.
 */
export async function holdWatchShard(
  deps: ActivityDeps,
  shard: number,
  cancelled: AbortSignal,
): Promise<void> {
  const held = new Map<string, WatchedConnection>();
  try {
    while (!cancelled.aborted) {
      await callRoster(deps, shard, held);
      await delay(rosterIntervalMs, undefined, { signal: cancelled }).catch((error: unknown) => {
        if (!cancelled.aborted) throw error;
      });
    }
  } finally {
    await Promise.all([...held.values()].map((connection) => connection.close()));
  }
  cancelled.throwIfAborted();
}

/** Opens what is new in the shard, closes what left it. The generation is part of the key. */
async function callRoster(
  deps: ActivityDeps,
  shard: number,
  held: Map<string, WatchedConnection>,
): Promise<void> {
  const wanted = await listWatched(deps.database, shard);
  const keys = new Set(wanted.map(({ connectionId, generation }) => key(connectionId, generation)));
  for (const [name, connection] of held) {
    if (keys.has(name)) continue;
    held.delete(name);
    await connection.close();
  }
  for (const ref of wanted) {
    const name = key(ref.connectionId, ref.generation);
    if (!held.has(name)) held.set(name, createWatchedConnection(deps, ref));
  }
}

function key(connectionId: string, generation: number): string {
  return `${connectionId}/${generation}`;
}
