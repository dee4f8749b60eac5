import { dayMs, hourMs, minuteMs, secondMs } from './clock.ts';
import type { FailureKind } from './failure.ts';

/** The longest a live loop waits when nothing watches the mailbox. */
export const safetyTimeMs = 5 * minuteMs;

/** The same with a watch: the watch reports changes, the poll only checks the watch. */
export const watchedSafetyTimeMs = 3 * hourMs;

/** For so long after a missed change the watch is not trusted. */
export const cautiousMs = dayMs;

/** A paused connection looks again by itself, in case the poke that resumes it was lost. */
export const pausedRecheckMs = hourMs;

/** After so many refused logins in a row only a person helps; more would lock the account. */
export const loginStrikesMax = 3;

const backoffFirstMs = 15 * secondMs;
const backoffMaxMs = 30 * minuteMs;

/** Spreads waits by ±10 %, so that a thousand mailboxes never wake in the same second. */
export function withJitter(ms: number, random: number): number {
  return Math.round(ms * (0.9 + 0.2 * random));
}

export interface FailureFacts {
  kind: FailureKind;
  retryAt?: Date | undefined;
  /** Failures in a row, this one included. */
  failures: number;
  loginStrikes: number;
}

/** How long after a failure the next attempt is due. A poke (new credentials, resume) comes first. */
export function waitAfterFailureMs(facts: FailureFacts, nowMs: number, random: number): number {
  if (facts.retryAt) return Math.max(facts.retryAt.getTime() - nowMs, secondMs);
  switch (facts.kind) {
    case 'auth-revoked':
      if (facts.loginStrikes >= loginStrikesMax) return dayMs;
      return withJitter(minuteMs, random);
    case 'permission-missing':
      return dayMs;
    case 'admin-action-needed':
    case 'operator-misconfigured':
      return withJitter(hourMs, random);
    default: {
      const doublings = Math.min(Math.max(facts.failures - 1, 0), 16);
      return withJitter(Math.min(backoffFirstMs * 2 ** doublings, backoffMaxMs), random);
    }
  }
}
