import { isRefusedForGood, ProviderFailure } from '../../domain/failure.ts';
import type { MailSession } from '../../domain/provider.ts';
import { readChanges } from './changes.ts';
import { translated } from './errors.ts';
import { readHistory } from './history.ts';
import { listIdentified } from './identify.ts';
import { readItems } from './items.ts';
import { findExisting, readListing } from './reconciliation.ts';
import type { Lease } from './session-pool.ts';
import { abilitiesOf } from './write/abilities.ts';
import { createWriter } from './write/writer.ts';

/**
 * A session over a leased connection. Disposing it in mid-work closes the connection. `explain`
 * says what an error means when the session was given up from outside.
 */
export function createSession(lease: Lease, explain: (error: unknown) => unknown): MailSession {
  let busy = 0;

  async function* counted<T>(pages: AsyncGenerator<T>): AsyncGenerator<T> {
    busy += 1;
    try {
      yield* pages;
    } catch (error) {
      throw explain(error);
    }
    // Not in a finally: after a fault the state of the connection is unknown.
    busy -= 1;
  }

  async function alone<T>(work: () => Promise<T>): Promise<T> {
    busy += 1;
    try {
      const result = await work();
      busy -= 1;
      return result;
    } catch (error) {
      // The server has answered: it refused, and the connection is as it was.
      if (error instanceof ProviderFailure && isRefusedForGood(error)) busy -= 1;
      throw explain(error);
    }
  }

  return {
    collections: async () => {
      // STATUS of a mailbox that is open shows what the session saw last (RFC 9051 §6.3.11).
      const { client } = lease.connection;
      try {
        if (client.mailbox) await translated(client.mailboxClose());
        const listed = await listIdentified(lease.connection);
        lease.hangUps.listed = listed;
        return listed;
      } catch (error) {
        throw explain(error);
      }
    },
    changes: (request) => counted(readChanges(lease, request)),
    history: (request) => counted(readHistory(lease, request)),
    items: (request) => counted(readItems(lease, request)),
    listing: (request) => counted(readListing(lease, request)),
    existing: (request) => alone(() => findExisting(lease, request)),
    abilities: abilitiesOf(lease.connection.client),
    write: createWriter(lease, alone),
    [Symbol.asyncDispose]: async () => lease.release(busy > 0),
  };
}
