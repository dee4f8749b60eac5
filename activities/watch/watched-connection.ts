import { setTimeout as delay } from 'node:timers/promises';
import { readLicence, withFence } from '../../db/fence.ts';
import { readSealedAccount } from '../../db/queries/sync/account.ts';
import { readSyncFacts, recordBehind } from '../../db/queries/sync/status.ts';
import { listMarks, recordWatchSign, type WatchedRef } from '../../db/queries/sync/watched.ts';
import { withTenant } from '../../db/tenant.ts';
import { minuteMs, secondMs } from '../../domain/clock.ts';
import { ProviderFailure } from '../../domain/failure.ts';
import type { ImapAccount, MailAccount, WatchSession } from '../../domain/provider.ts';
import { loginStrikesMax, withJitter } from '../../domain/retry.ts';
import { openJson } from '../../domain/sealed-json.ts';
import { describeError } from '../safe-failure.ts';
import type { ActivityDeps } from '../deps.ts';

/** How soon a change in a folder without IDLE is seen. */
const sweepIntervalMs = 3 * minuteMs;

const reconnectFirstMs = 5 * secondMs;
const reconnectMaxMs = 10 * minuteMs;

export interface WatchedConnection {
  close(): Promise<void>;
}

/** Keeps one connection's watch session open: connect, sweep, wait, and again after a fault. */
export function createWatchedConnection(deps: ActivityDeps, ref: WatchedRef): WatchedConnection {
  const closing = new AbortController();
  const life = keepWatching(deps, ref, closing.signal);
  return {
    close: async () => {
      closing.abort();
      await life;
    },
  };
}

async function keepWatching(
  deps: ActivityDeps,
  ref: WatchedRef,
  closing: AbortSignal,
): Promise<void> {
  for (let failures = 0; !closing.aborted;) {
    let refused = false;
    try {
      await watchOnce(deps, ref, closing);
      failures = 0;
    } catch (error) {
      failures += 1;
      // The sync loop counts refused logins; trying as often here would lock the account sooner.
      refused = error instanceof ProviderFailure && error.kind === 'auth-revoked';
      const kind = error instanceof ProviderFailure ? error.kind : describeError(error);
      deps.log.warn({ connectionId: ref.connectionId, kind, failures }, 'watch session failed');
      // The next safety poll was set for a mailbox that is watched; the first failure moves it up.
      if (failures === 1) await pokeOnce(deps, ref);
    }
    const doubled = reconnectFirstMs * 2 ** Math.max(failures - 1, 0);
    const wait = refused ? reconnectMaxMs : Math.min(doubled, reconnectMaxMs);
    await pause(withJitter(wait, Math.random()), closing);
  }
}

/** One session from connect to its end. */
async function watchOnce(deps: ActivityDeps, ref: WatchedRef, closing: AbortSignal): Promise<void> {
  const account = await openAccount(deps, ref);
  if (!account) return;
  const over = new AbortController();
  const poke = createPoker(deps, ref);
  const session = await deps.mail.watch(account, {
    changed: () => void poke(),
    ended: () => over.abort(),
  });
  const stop = AbortSignal.any([closing, over.signal]);
  try {
    while (!stop.aborted) {
      await sweep(deps, ref, session, poke);
      await pause(withJitter(sweepIntervalMs, Math.random()), stop);
    }
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

/** Compares the folders' marks with those that the store stood at. */
async function sweep(
  deps: ActivityDeps,
  ref: WatchedRef,
  session: WatchSession,
  poke: () => Promise<void>,
): Promise<void> {
  const vault = await deps.keyring.vault(ref.tenantId);
  const marks = await session.sweep();
  const stored = await withTenant(deps.database, ref.tenantId, async (tx) => {
    await recordWatchSign(tx, ref);
    return await listMarks(tx, ref);
  });
  const moved = marks.some(({ ref: name, mark }) => {
    const id = vault.index('folder', ref.connectionId, name);
    return !stored.excluded.has(id) && stored.marks.get(id) !== mark;
  });
  if (moved) await poke();
}

/** Notes that the store is behind, and pokes; signs that come meanwhile make one poke more. */
function createPoker(deps: ActivityDeps, ref: WatchedRef): () => Promise<void> {
  let [running, again] = [false, false];
  return async () => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      await pokeOnce(deps, ref);
    }
    running = false;
  };
}

async function pokeOnce(deps: ActivityDeps, ref: WatchedRef): Promise<void> {
  try {
    // Noted first: a slice that the poke starts clears only what was noted before it began.
    const licence = await readLicence(deps.database, ref);
    if (licence) await withFence(deps.database, licence, (tx) => recordBehind(tx, ref));
    await deps.poke(ref.connectionId);
  } catch (error) {
    // A poke is a hint: the sweep or the safety poll finds the change as well, only later.
    const reason = describeError(error);
    deps.log.warn({ connectionId: ref.connectionId, reason }, 'poke failed');
  }
}

async function openAccount(deps: ActivityDeps, ref: WatchedRef): Promise<MailAccount | undefined> {
  const { sealed, facts } = await withTenant(deps.database, ref.tenantId, async (tx) => ({
    sealed: await readSealedAccount(tx, ref),
    facts: await readSyncFacts(tx, ref),
  }));
  if (!sealed?.credentials || facts.loginStrikes >= loginStrikesMax) return undefined;
  const vault = await deps.keyring.vault(ref.tenantId);
  const place = { table: 'connections', column: 'credentials', rowId: ref.connectionId };
  const imap = openJson<ImapAccount>(vault, place, sealed.credentials);
  return { key: `${ref.connectionId}/${ref.generation}`, imap };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
