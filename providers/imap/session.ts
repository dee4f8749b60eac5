import type { MailSession } from '../../domain/provider.ts';
import { readChanges } from './changes.ts';
import { translated } from './errors.ts';
import { readHistory } from './history.ts';
import { listIdentified } from './identify.ts';
import { readItems } from './items.ts';
import type { Lease } from './session-pool.ts';

/**
 * A session over a leased connection. Disposing it in mid-read closes the connection. `explain`
 * says what an error means when the session was given up from outside.
 */
export function createSession(lease: Lease, explain: (error: unknown) => unknown): MailSession {
  let reading = 0;

  async function* counted<T>(pages: AsyncGenerator<T>): AsyncGenerator<T> {
    reading += 1;
    try {
      yield* pages;
    } catch (error) {
      throw explain(error);
    }
    // Not in a finally: after a fault the state of the connection is unknown.
    reading -= 1;
  }

  return {
    collections: async () => {
      // STATUS of a mailbox that is open shows what the session saw last (RFC 9051 §6.3.11).
      const { client } = lease.connection;
      try {
        if (client.mailbox) await translated(client.mailboxClose());
        return await listIdentified(lease.connection);
      } catch (error) {
        throw explain(error);
      }
    },
    changes: (request) => counted(readChanges(lease, request)),
    history: (request) => counted(readHistory(lease, request)),
    items: (request) => counted(readItems(lease, request)),
    [Symbol.asyncDispose]: async () => lease.release(reading > 0),
  };
}
