import type { Database } from '../db/client.ts';
import type { ImapAccount } from '../domain/provider.ts';
import type { Keyring } from '../domain/seal.ts';
import type { Logger } from '../runtime/logger.ts';
import type { ConnectionRef } from '../workflows/contract.ts';

/** What the API is made of; `api/main.ts` composes it, tests override it by name. */
export interface ApiDeps {
  database: Database;
  keyring: Keyring;
  imap: AccountVerifier;
  workflows: WorkflowControl;
  log: Logger;
  options: ApiOptions;
}

export interface ApiOptions {
  /** Where people look at workflows; without it answers carry no links. */
  temporalUiUrl: string | undefined;
  temporalNamespace: string;
  limits: RateLimits;
  /** Only where the instance is a sandbox. */
  sandbox?: SandboxOptions | undefined;
}

export interface SandboxOptions {
  /** The mailbox that the console offers to connect. */
  sample: { host: string; port: number; username: string; password: string } | undefined;
}

/** Proves that an account's credentials work. @throws ProviderFailure */
export interface AccountVerifier {
  verify(account: ImapAccount, signal: AbortSignal): Promise<void>;
}

/** All that the API asks of Temporal. */
export interface WorkflowControl {
  /** Starts the connection's workflow if it isn't running, and makes it look now. */
  ensure(ref: ConnectionRef): Promise<void>;
  /** @throws when the server does not answer in time. */
  check(): Promise<void>;
}

/** A bucket of `burst` tokens that fills by `perSecond`. */
export interface RateLimit {
  burst: number;
  perSecond: number;
}

export interface RateLimits {
  /** Per key or token; a tenant's together have `tenantRequestsFactor` times as much. */
  requests: RateLimit;
  /** Per tenant: every connect makes the process talk to a host that the caller names. */
  connects: RateLimit;
  /** Per remote address: requests whose key is wrong. */
  refusals: RateLimit;
}

/**
 * A key makes tokens without end, and each has an allowance of its own: without this it would have any
 * that it likes. Five callers at their limit are more than a backend and its people's browsers are.
 */
export const tenantRequestsFactor = 5;

/** For one process; a CRM's backend stays far below, a runaway loop does not. */
export const rateLimitsDefault: RateLimits = {
  requests: { burst: 600, perSecond: 100 },
  connects: { burst: 10, perSecond: 10 / 60 },
  refusals: { burst: 30, perSecond: 0.5 },
};
