import type { LentKeyMaterial } from '../../domain/seal.ts';

/** Tenants whose keys the thread may hold at once; each costs a few kilobytes. */
const tenantsMax = 500;

/** Which keys a thread holds. */
export interface ThreadKeys {
  /** Notes that the thread is to hold these keys; whether it has to be sent them. */
  lend(keys: LentKeyMaterial): boolean;
  /** Takes a tenant's keys from the thread, if it has them. */
  takeBack(tenantId: string): void;
  /** The thread is gone, and its keys with it. */
  clear(): void;
}

/**
 * Keeps count of the keys that a thread was sent: none stays with it for longer than the keyring lends
 * it, whether or not more work comes for its tenant.
 * @param forget tells the thread to forget a tenant's keys
 */
export function createThreadKeys(forget: (tenantId: string) => void): ThreadKeys {
  const held = new Map<string, { keys: LentKeyMaterial; timer: NodeJS.Timeout }>();

  function takeBack(tenantId: string): void {
    const known = held.get(tenantId);
    if (!known) return;
    clearTimeout(known.timer);
    held.delete(tenantId);
    forget(tenantId);
  }

  return {
    takeBack,
    lend: (keys) => {
      const { tenantId, expiresAt } = keys;
      const known = held.get(tenantId);
      if (known?.keys === keys) return false;
      clearTimeout(known?.timer);
      held.delete(tenantId);
      // Work that has been sent before the message is done before it: threads take both in order.
      const remaining = Math.max(expiresAt - Date.now(), 0);
      const timer = setTimeout(() => takeBack(tenantId), remaining).unref();
      held.set(tenantId, { keys, timer });
      if (held.size > tenantsMax) takeBack(held.keys().next().value!);
      return true;
    },
    clear: () => {
      for (const { timer } of held.values()) clearTimeout(timer);
      held.clear();
    },
  };
}
