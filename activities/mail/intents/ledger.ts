import { recordDone, recordRefused, type PendingIntent } from '../../../db/queries/sync/intents.ts';
import { unexplainedCode } from '../../../domain/failure.ts';
import type { Slice } from '../slice.ts';

/**
 * What became of each intent of a batch. An intent about a message that lies in several folders has
 * an outcome a place: one refusal refuses it, one place that is gone keeps it for another look.
 */
export interface Ledger {
  done(ids: string[]): void;
  /** Without a reason that holds from the second time on only. */
  refused(ids: string[], reason: string): void;
  /** The effect is not shown yet, or the place was gone; a look at the mailbox will tell. */
  open(ids: string[]): void;
  /**
   * What later ones have overtaken is done with them. Where one of those is refused it was not
   * overtaken after all, and is left for the next slice.
   */
  follow(ids: string[], leaders: string[]): void;
  /** Finishes what is decided; returns what is open. */
  settle(slice: Slice): Promise<ReadonlySet<string>>;
}

export function createLedger(batch: readonly PendingIntent[]): Ledger {
  const attempts = new Map(batch.map((intent) => [intent.id, intent.attempts]));
  const done = new Set<string>();
  const open = new Set<string>();
  const refused = new Map<string, string>();
  const followers: { ids: string[]; leaders: string[] }[] = [];
  const isDone = (id: string) => done.has(id) && !refused.has(id) && !open.has(id);
  return {
    done: (ids) => ids.forEach((id) => done.add(id)),
    open: (ids) => ids.forEach((id) => open.add(id)),
    refused: (ids, reason) => {
      for (const id of ids) {
        if (reason === unexplainedCode && attempts.get(id) === 0) open.add(id);
        else refused.set(id, reason);
      }
    },
    follow: (ids, leaders) => void followers.push({ ids, leaders }),
    settle: async (slice) => {
      const left = new Set([...open].filter((id) => !refused.has(id)));
      const decided = [...done].filter(isDone);
      for (const { ids, leaders } of followers) {
        if (leaders.every(isDone)) decided.push(...ids);
        else if (leaders.some((id) => refused.has(id) || left.has(id)))
          ids.forEach((id) => left.add(id));
      }
      await slice.write(async (tx) => {
        await recordDone(tx, slice.licence, decided);
        const refusals = [...refused].map(([id, reason]) => ({ id, reason }));
        await recordRefused(tx, slice.licence, refusals);
      });
      return left;
    },
  };
}
