import type { Database } from '../db/client.ts';
import type { PageEncoder } from '../domain/mail-page.ts';
import type { MailProvider, MailWatcher } from '../domain/provider.ts';
import type { Keyring } from '../domain/seal.ts';
import type { WatchTimes } from './watch/watch-times.ts';

/** What activities are made of; `worker/main.ts` composes it, tests override it by name. */
export interface ActivityDeps {
  database: Database;
  keyring: Keyring;
  encoder: PageEncoder;
  mail: MailProvider & MailWatcher;
  /** Tells a connection's workflow to look now. */
  poke(connectionId: string): Promise<void>;
  log: ActivityLog;
  /** Tests that can't wait for minutes shorten these. */
  watchTimes?: Partial<WatchTimes>;
}

/** The part of the logger that activities use. Ids, counts and kinds only. */
export interface ActivityLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}
