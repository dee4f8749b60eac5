import { secondMs } from '../domain/clock.ts';
import { ProviderFailure } from '../domain/failure.ts';
import type { ImapAccount } from '../domain/provider.ts';
import type { TenantVault } from '../domain/seal.ts';
import type { AccountVerifier } from './deps.ts';
import { fromProviderFailure } from './problem.ts';

/** The adapter has timeouts of its own; this is the longest that the caller waits in all. */
const verifyTimeoutMs = 45 * secondMs;

/** Host names are the same in either case, and with the root's dot. */
export function normaliseHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** Names an account within its tenant, so that it is connected once. */
export function accountIndexOf(vault: TenantVault, host: string, username: string): string {
  return vault.index('mailbox', 'imap', host, username.toLowerCase());
}

/** Whether history is to be imported from further back. Null reaches back to the beginning. */
export function isDeeper(since: string | null, before: string | null): boolean {
  if (before === null) return false;
  return since === null || since < before;
}

/** Proves that the account can be logged into. @throws HttpProblem with the provider's code */
export async function verifyAccount(imap: AccountVerifier, account: ImapAccount): Promise<void> {
  try {
    await imap.verify(account, AbortSignal.timeout(verifyTimeoutMs));
  } catch (error) {
    if (error instanceof ProviderFailure) throw fromProviderFailure(error, 'imap');
    throw error;
  }
}
