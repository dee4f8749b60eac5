import type { ImapFlow } from 'imapflow';
import type { ActivityDeps } from '../../activities/deps.ts';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import { insertIntents, type NewIntent } from '../../db/queries/intents.ts';
import { withTenantWrite } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { IntentContent } from '../../domain/intent.ts';
import { sealContent } from '../../domain/sealed-intent.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { findDifferences, type Difference } from './differences.ts';
import { startDovecot, type CapabilityLevel, type Dovecot } from './dovecot.ts';
import { readOracle } from './imap-oracle.ts';
import { openSlicedMailbox, type SlicedMailbox } from './sliced-mailbox.ts';
import { readStore } from './store-oracle.ts';
import { undisturbed } from './slice-life.ts';

/** What is asked of a mailbox; its content is sealed as the API seals it. */
export interface AskedIntent extends Omit<NewIntent, 'id' | 'change'> {
  content?: Partial<IntentContent>;
}

/** A mailbox on a real server of which changes are asked, and another client beside. */
export interface AskingMailbox extends AsyncDisposable {
  mailbox: SlicedMailbox;
  dovecot: Dovecot;
  other: ImapFlow;
  /** One live slice, under other dependencies where a test overrides some. */
  live(overrides?: Partial<ActivityDeps>): Promise<SliceReport>;
  /** Live slices and backfill until nothing is left to do. */
  settle(): Promise<void>;
  /** Returns the intent's id. */
  ask(intent: AskedIntent): Promise<string>;
  /** Folder by folder, UID by UID: what server and store disagree about. */
  differences(): Promise<Difference[]>;
}

/** Writes what is asked of a mailbox. Returns the intent's id. */
export async function askMailbox(
  { base, vault, licence }: SlicedMailbox,
  { content = {}, ...intent }: AskedIntent,
): Promise<string> {
  const { tenantId, connectionId } = licence;
  const id = uuidv7();
  const change = sealContent(vault, id, content);
  const key = { tenantId, connectionId, memberId: uuidv7() };
  await withTenantWrite(base.app, tenantId, (tx) =>
    insertIntents(tx, key, [{ ...intent, id, change }]),
  );
  return id;
}

/** A mailbox that finds more to do again and again has gone wrong. */
const slicesMax = 20;

export async function startAskingMailbox(capabilities: CapabilityLevel): Promise<AskingMailbox> {
  const dovecot = await startDovecot({ capabilities });
  const mailbox = await openSlicedMailbox(dovecot);
  const other = await dovecot.imap();
  const { base, vault, licence, deps } = mailbox;
  const { tenantId, connectionId } = licence;
  const target = { tenantId, connectionId, capability: 'mail', failuresBefore: 0 } as const;
  return {
    ...{ mailbox, dovecot, other },
    live: (overrides = {}) =>
      runLiveSlice(
        { ...deps, ...overrides },
        { ...target, poked: true, cautious: false },
        undisturbed,
      ),
    settle: async () => {
      for (let slices = 0; ; slices += 1) {
        if (slices === slicesMax) throw new Error('the mailbox does not settle');
        // A safety poll looks at everything, also where counters don't show every change.
        const report = await mailbox.live({ poked: false });
        if (report.outcome === 'more') continue;
        if (report.outcome !== 'done') {
          const { outcome, failure } = report;
          throw new Error(`a slice ended as ${outcome} (${failure?.code ?? ''})`);
        }
        const backfill = await runBackfillSlice(deps, target, undisturbed);
        if (backfill.outcome === 'done' && backfill.stored === 0) return;
      }
    },
    ask: (intent) => askMailbox(mailbox, intent),
    differences: async () => {
      // A client of its own: one that stays connected may still show what is gone.
      const client = await dovecot.imap();
      const server = await readOracle(client);
      await client.logout();
      return findDifferences(await readStore(base.app, vault, connectionId), server);
    },
    [Symbol.asyncDispose]: async () => {
      await other.logout();
      await mailbox[Symbol.asyncDispose]();
      await dovecot.stop();
    },
  };
}
