import type { Instance } from '../../runtime/embedded/instance.ts';
import { waitFor } from '../support/wait-for.ts';

export interface MailProgress {
  state: string;
  stored: number;
  backfillDone: boolean;
  watchAgeSeconds: number | null;
}

/** The API of a started instance, as its first member uses it. */
export interface InstanceClient {
  ask<T>(route: string, init?: RequestInit): Promise<T>;
  /** Connects a mailbox without TLS and returns the connection's id. */
  connect(imap: {
    host: string;
    port: number;
    username: string;
    password: string;
  }): Promise<string>;
  mail(connection: string): Promise<MailProgress>;
  waitForMail(
    connection: string,
    what: string,
    check: (mail: MailProgress) => boolean,
  ): Promise<void>;
}

/** The longest that a bench waits for a mailbox to come into a state. */
const patienceMs = 300_000;

export function createInstanceClient({ apiUrl, apiKey, memberId }: Instance): InstanceClient {
  const headers = {
    Authorization: `Bearer ${apiKey}`,
    'Steward-Member': memberId,
    'Content-Type': 'application/json',
  };
  async function ask<T>(route: string, init: RequestInit = {}): Promise<T> {
    const response = await fetch(`${apiUrl}${route}`, { ...init, headers });
    if (!response.ok) throw new Error(`${route} answered ${response.status}`);
    return (await response.json()) as T;
  }
  async function mail(connection: string): Promise<MailProgress> {
    const route = `/v1/connections/${connection}`;
    return (await ask<{ capabilities: { mail: MailProgress } }>(route)).capabilities.mail;
  }
  return {
    ask,
    mail,
    connect: async (imap) => {
      const account = { ...imap, security: 'none' };
      const body = { provider: 'imap', memberId, capabilities: ['mail'], imap: account };
      const init = { method: 'POST', body: JSON.stringify(body) };
      return (await ask<{ id: string }>('/v1/connections', init)).id;
    },
    waitForMail: async (connection, what, check) => {
      await waitFor(async () => check(await mail(connection)), {
        ...{ what, timeoutMs: patienceMs, intervalMs: 200 },
      });
    },
  };
}
