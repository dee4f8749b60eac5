import { readLicence, withFence, type FoundLicence, type Licence } from '../../db/fence.ts';
import { together } from '../../db/pipeline.ts';
import { readSealedAccount, type SealedAccount } from '../../db/queries/sync/account.ts';
import { beginResync } from '../../db/queries/sync/resync.ts';
import { takeUpSettings } from '../../db/queries/sync/settings.ts';
import {
  findSyncFacts,
  recordState,
  requireFacts,
  type SyncFacts,
} from '../../db/queries/sync/status.ts';
import type { Tx } from '../../db/client.ts';
import { withTenant } from '../../db/tenant.ts';
import { minuteMs } from '../../domain/clock.ts';
import type { ConnectionProfile } from '../../domain/connection.ts';
import { FencedError, ProviderFailure, ProviderPause } from '../../domain/failure.ts';
import { normaliseAddress } from '../../domain/mail.ts';
import type { ImapAccount, MailAccount, MailSession } from '../../domain/provider.ts';
import { loginStrikesMax } from '../../domain/retry.ts';
import type { TenantVault } from '../../domain/seal.ts';
import type { Capability, SliceReport, Wanted } from '../../domain/sync.ts';
import { openJson } from '../../domain/sealed-json.ts';
import type { ActivityDeps } from '../deps.ts';
import { askHost } from './silent-hosts.ts';

/** Work stops here and reports; the activity's own timeout (5 minutes) is the wall behind it. */
export const sliceBudgetMs = 4 * minuteMs;

/**
 * A page that does not end in so long is given up with its session, before Temporal gives up the
 * activity: a server that sends a byte now and then must not hold a slot of the worker for good.
 */
const sessionMs = 4.5 * minuteMs;

/** A connection as its workflow names it. */
export interface SliceTarget {
  tenantId: string;
  connectionId: string;
  capability: 'mail';
}

/** Everything one slice works with. */
export interface Slice {
  deps: ActivityDeps;
  licence: Licence;
  vault: TenantVault;
  account: MailAccount;
  profile: ConnectionProfile;
  since: Date | undefined;
  ownAddressIds: string[];
  facts: SyncFacts;
  counts: SliceCounts;
  /** By the database's clock, like everything that it is compared with. */
  startedAt: Date;
  /** Reports the counts, and says whether the slice has to end now; after every page. */
  pulse(): boolean;
  /** When it last did, or began (milliseconds since the epoch). */
  progressAt(): number;
  /** Ends the slice's session wherever it is: a server that is silent must not hold a worker up. */
  readonly cancelled: AbortSignal;
  /** Runs a writing transaction under the fence, and remembers what is wanted meanwhile. */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  wanted(): Wanted;
}

export type SliceCounts = Pick<SliceReport, 'stored' | 'updated' | 'removed' | 'skipped'>;

/** Progress for the operator's view and the heartbeat; called after every page. */
export interface SliceLife {
  heartbeat(counts: SliceCounts): void;
  /** The worker stops, or Temporal has given the slice up: it ends, in mid-page if need be. */
  readonly cancelled: AbortSignal;
}

export type OpenedSlice =
  | { kind: 'open'; slice: Slice; takenUp: boolean }
  | { kind: 'paused' }
  | { kind: 'disconnected'; licence: Licence | undefined; eraseAfter: Date | null };

/** Reads what is wanted and under which licence; opens the account only when it should run. */
export async function openSlice(
  deps: ActivityDeps,
  target: SliceTarget,
  life: SliceLife,
): Promise<OpenedSlice> {
  const start = await readStart(deps, target);
  const { licence: found } = start;
  if (!found) return { kind: 'disconnected', licence: undefined, eraseAfter: null };
  // A tenant on its way to the end writes nothing: its slices rest until it is active again.
  if (found.tenantState !== 'active') return { kind: 'paused' };
  const { account, facts, takenUp } = await takeUp(deps, found, start);
  if (!account || found.wanted === 'disconnected' || !account.credentials) {
    return { kind: 'disconnected', licence: found, eraseAfter: account?.eraseAfter ?? null };
  }
  if (found.wanted === 'paused') {
    await withFence(deps.database, found, (tx) => recordState(tx, target, 'paused', {}));
    return { kind: 'paused' };
  }
  const vault = await deps.keyring.vault(target.tenantId);
  const rowId = target.connectionId;
  const opened = {
    imap: openJson<ImapAccount>(
      vault,
      { table: 'connections', column: 'credentials', rowId },
      account.credentials,
    ),
    profile: openJson<ConnectionProfile>(
      vault,
      { table: 'connections', column: 'profile', rowId },
      account.profile,
    ),
    since: account.backfillSince === null ? undefined : new Date(account.backfillSince),
  };
  return { kind: 'open', slice: createSlice(deps, found, vault, opened, facts, life), takenUp };
}

interface SliceStart {
  account: SealedAccount | undefined;
  facts: SyncFacts;
}

/**
 * What a slice starts from. The licence is read first: settings that are newer than it make the
 * fence refuse what is written, older ones would be written with.
 */
async function readStart(
  { database }: ActivityDeps,
  target: Omit<SliceTarget, 'capability'> & { capability: Capability },
): Promise<{ licence: undefined } | ({ licence: FoundLicence } & SliceStart)> {
  return await withTenant(database, target.tenantId, async (tx) => {
    const [licence, account, facts] = await together(
      readLicence(tx, target),
      readSealedAccount(tx, target),
      findSyncFacts(tx, target),
    );
    if (!licence) return { licence };
    return { licence, account, facts: requireFacts(facts) };
  });
}

/** The start once more, when something that people changed or asked for has been taken up. */
async function takeUp(
  deps: ActivityDeps,
  licence: FoundLicence,
  start: SliceStart,
): Promise<SliceStart & { takenUp: boolean }> {
  const { changed, resyncRequestedAt } = start.account ?? {};
  if (!changed && !resyncRequestedAt) return { ...start, takenUp: false };
  await withFence(deps.database, licence, async (tx) => {
    if (changed) await takeUpSettings(tx, licence);
    if (resyncRequestedAt) await beginResync(tx, licence);
  });
  const again = await readStart(deps, licence);
  if (!again.licence) throw new FencedError('The connection is gone.');
  return { ...again, takenUp: true };
}

function createSlice(
  deps: ActivityDeps,
  found: Licence & { wanted: Wanted },
  vault: TenantVault,
  opened: { imap: ImapAccount; profile: ConnectionProfile; since: Date | undefined },
  facts: SyncFacts,
  life: SliceLife,
): Slice {
  const deadline = Date.now() + sliceBudgetMs;
  const counts: SliceCounts = { stored: 0, updated: 0, removed: 0, skipped: 0 };
  let wanted = found.wanted;
  let progressAt = Date.now();
  return {
    deps,
    licence: found,
    vault,
    account: { key: `${found.connectionId}/${found.generation}`, imap: opened.imap },
    profile: opened.profile,
    since: opened.since,
    ownAddressIds: [vault.index('address', normaliseAddress(opened.profile.address))],
    facts,
    counts,
    startedAt: facts.now,
    progressAt: () => progressAt,
    pulse: () => {
      progressAt = Date.now();
      life.heartbeat(counts);
      return life.cancelled.aborted || wanted !== 'run' || Date.now() >= deadline;
    },
    cancelled: life.cancelled,
    write: (work) =>
      withFence(deps.database, found, async (tx, wantedNow) => {
        wanted = wantedNow;
        return await work(tx);
      }),
    wanted: () => wanted,
  };
}

/**
 * Runs work in a session of the slice's account, which goes back to its pool whatever happens.
 * After the last strike no login is tried any more: another one might lock the account. Nor is a
 * provider asked that wants to be left alone, whoever pokes meanwhile.
 */
export async function withSession<T>(
  slice: Slice,
  work: (session: MailSession) => Promise<T>,
): Promise<T> {
  const { deps, account, facts, cancelled, progressAt } = slice;
  if (facts.loginStrikes >= loginStrikesMax) {
    throw new ProviderFailure(
      'auth-revoked',
      'The server refused the login too often; the next try waits for new credentials.',
      { code: 'imap-login-stopped' },
    );
  }
  if (facts.pauseMs !== null) throw new ProviderPause(facts.pauseMs);
  const inSession = async (): Promise<T> => {
    const end = AbortSignal.any([AbortSignal.timeout(sessionMs), cancelled]);
    const session = await deps.mail.connect(account, end);
    try {
      return await work(session);
    } finally {
      await session[Symbol.asyncDispose]();
    }
  };
  const host = `${account.imap.host.toLowerCase()}:${account.imap.port}`;
  return await askHost({ host, work: inSession, progressAt, cancelled });
}
