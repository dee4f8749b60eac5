import { readWatchedAccount, type WatchedRef } from '../../db/queries/sync/watched.ts';
import { withTenant } from '../../db/tenant.ts';
import { ProviderFailure } from '../../domain/failure.ts';
import type { ImapAccount, MailAccount, WatchSession } from '../../domain/provider.ts';
import { loginStrikesMax, withJitter } from '../../domain/retry.ts';
import { openJson } from '../../domain/sealed-json.ts';
import { describeError } from '../safe-failure.ts';
import type { ActivityDeps } from '../deps.ts';
import type { HostGate, HostVisit } from './host-gate.ts';
import { pause } from '../pause.ts';
import { createPoker } from './poker.ts';
import type { SignsOfLife } from './signs-of-life.ts';
import { createSweeper } from './sweep.ts';
import type { WatchTimes } from './watch-times.ts';

/** What all watched connections of a shard share. */
export interface WatchShard {
  deps: ActivityDeps;
  gate: HostGate;
  signs: SignsOfLife;
  times: WatchTimes;
}

export interface WatchedConnection {
  close(): Promise<void>;
}

/** One connection's watch, from session to session. */
interface Watch extends WatchShard {
  ref: WatchedRef;
  closing: AbortSignal;
  poke: () => void;
  /** Since when nothing has watched the mailbox. */
  unwatched: { timer: NodeJS.Timeout | undefined };
}

/**
 * Keeps one connection's watch session open:
 *
 *   wait for a turn at the host → open → sweep, wait for the next sweep, sweep … → it ends → again
 *
 * A failure of this account is followed by a back-off of its own. While its host fails for
 * everybody, the gate is what waits.
 */
export function createWatchedConnection(shard: WatchShard, ref: WatchedRef): WatchedConnection {
  const closing = new AbortController();
  const { deps, times } = shard;
  const poker = createPoker(deps, ref, times, closing.signal);
  const unwatched = { timer: undefined };
  const life = keepWatching({
    ...shard,
    ref,
    poke: poker.poke,
    unwatched,
    closing: closing.signal,
  });
  return {
    close: async () => {
      closing.abort();
      await life;
      await poker.ended();
    },
  };
}

async function keepWatching(watch: Watch): Promise<void> {
  const { closing, times } = watch;
  noteUnwatched(watch);
  let waitMs = Math.random() * times.reconnectSpreadMs;
  for (let failures = 0; !closing.aborted;) {
    await pause(waitMs, closing);
    if (closing.aborted) break;
    const end = await watchOnce(watch);
    failures = end.how === 'failed' ? failures + 1 : 0;
    waitMs = waitAfter(end, failures, times);
  }
  clearTimeout(watch.unwatched.timer);
}

interface End {
  how: 'ended' | 'host-down' | 'failed' | 'refused';
  /** Named by the server. */
  retryAt?: Date | undefined;
}

function waitAfter({ how, retryAt }: End, failures: number, times: WatchTimes): number {
  if (how === 'ended') return Math.random() * times.reconnectSpreadMs;
  if (how === 'host-down') return 0;
  if (how === 'refused') return withJitter(times.backoffMaxMs, Math.random());
  const doubled = times.backoffFirstMs * 2 ** Math.max(failures - 1, 0);
  const askedMs = retryAt ? retryAt.getTime() - Date.now() : 0;
  return withJitter(Math.max(Math.min(doubled, times.backoffMaxMs), askedMs), Math.random());
}

/** One session from its turn at the host to its end. Never rejects. */
async function watchOnce(watch: Watch): Promise<End> {
  let visit: HostVisit | undefined;
  try {
    const account = await openAccount(watch);
    if (!account) return { how: 'refused' };
    visit = await watch.gate.enter(account.imap.host, watch.closing);
    const livedMs = await holdSession(watch, account, visit);
    // A server that lets in and throws out is not asked again at once.
    return { how: livedMs < watch.times.steadyMs ? 'failed' : 'ended' };
  } catch (error) {
    return watch.closing.aborted ? { how: 'ended' } : failedWith(watch, visit, error);
  } finally {
    visit?.left();
  }
}

function failedWith({ deps, ref, poke }: Watch, visit: HostVisit | undefined, error: unknown): End {
  const known = error instanceof ProviderFailure ? error : undefined;
  visit?.failed(known?.kind === 'provider-down' || known?.kind === 'rate-limited');
  const hostDown = visit?.isHostDown() ?? false;
  const kind = known?.kind ?? describeError(error);
  deps.log.warn({ connectionId: ref.connectionId, kind, hostDown }, 'watch session failed');
  // The sync loop counts refused logins; trying as often here would lock the account sooner.
  if (kind === 'auth-revoked') {
    poke();
    return { how: 'refused' };
  }
  if (hostDown && !known?.retryAt) return { how: 'host-down' };
  return { how: 'failed', retryAt: known?.retryAt };
}

/** Returns how long the session lasted. */
async function holdSession(watch: Watch, account: MailAccount, visit: HostVisit): Promise<number> {
  const { deps, closing, poke } = watch;
  const over = new AbortController();
  const listener = { changed: poke, ended: () => over.abort() };
  const session = await deps.mail.watch(account, listener, closing);
  visit.opened();
  const openedAt = Date.now();
  // A sweep that waits for a dead peer must not hold up whoever closes the watch.
  const dispose = (): void => void session[Symbol.asyncDispose]();
  closing.addEventListener('abort', dispose, { once: true });
  try {
    await sweepOn(watch, session, AbortSignal.any([closing, over.signal]));
  } finally {
    closing.removeEventListener('abort', dispose);
    await session[Symbol.asyncDispose]();
    noteUnwatched(watch);
  }
  return Date.now() - openedAt;
}

/** The first sweep finds what changed while nobody watched; the others spread over the interval. */
async function sweepOn(watch: Watch, session: WatchSession, stop: AbortSignal): Promise<void> {
  const { deps, ref, signs, times, poke, unwatched } = watch;
  const sweeper = createSweeper(deps, ref);
  for (let waitMs = times.sweepMs * Math.random(); !stop.aborted;) {
    if (await sweeper.sweep(session)) poke();
    signs.alive(ref);
    clearTimeout(unwatched.timer);
    unwatched.timer = undefined;
    await pause(waitMs, stop);
    waitMs = withJitter(times.sweepMs, Math.random());
  }
}

/**
 * The next safety poll was set for a mailbox that is watched. When no session comes back in time,
 * a poke makes the sync look, and find that nothing watches. By chance, so that the mailboxes of a
 * server that is down do not look all at once.
 */
function noteUnwatched({ deps, ref, signs, times, poke, closing, unwatched }: Watch): void {
  if (closing.aborted || unwatched.timer) return;
  const afterMs = times.unwatchedAfterMs * (0.2 + 0.8 * Math.random());
  const tell = async (): Promise<void> => {
    try {
      await signs.silent(ref);
    } catch (error) {
      // The poke is worth more than the note: without it nobody would look for hours.
      deps.log.warn(
        { connectionId: ref.connectionId, kind: describeError(error) },
        'watch is lost',
      );
    }
    poke();
  };
  unwatched.timer = setTimeout(() => void tell(), afterMs).unref();
}

/** Undefined for an account that only a person can help. */
async function openAccount({ deps, ref }: Watch): Promise<MailAccount | undefined> {
  const found = await withTenant(deps.database, ref.tenantId, (tx) => readWatchedAccount(tx, ref));
  if (!found?.credentials || found.loginStrikes >= loginStrikesMax) return undefined;
  const vault = await deps.keyring.vault(ref.tenantId);
  const place = { table: 'connections', column: 'credentials', rowId: ref.connectionId };
  const imap = openJson<ImapAccount>(vault, place, found.credentials);
  return { key: `${ref.connectionId}/${ref.generation}`, imap };
}
