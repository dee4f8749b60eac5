import type { RemoteCollection } from '../../domain/provider.ts';
import type { ImapConnection } from './connect.ts';
import { isRefusal, translateError } from './errors.ts';
import { listCollections, withinListing } from './folders.ts';

/** Lists folders with what a plain listing does not tell: MAILBOXID, and a UIDVALIDITY it lacks. */
export async function listIdentified(connection: ImapConnection): Promise<RemoteCollection[]> {
  const { client } = connection;
  try {
    const collections = await listCollections(connection, await objectIds(connection));
    for (const each of collections) each.uidValidity ??= await readNumbering(client, each);
    if (client.mailbox) await client.mailboxClose();
    return collections;
  } catch (error) {
    throw translateError(error);
  }
}

type Client = ImapConnection['client'];

/** A server that refuses the question has none; the folders go on by their names. */
async function objectIds(connection: ImapConnection): Promise<Map<string, string>> {
  const { client } = connection;
  const { capabilities } = client;
  if (!capabilities.has('OBJECTID') || !capabilities.has('LIST-STATUS')) return new Map();
  const asked = withinListing(connection, () => client.mailboxIds());
  return await asked.catch(noneWhenRefused(new Map<string, string>()));
}

/** Undefined for a folder that cannot be opened: it says so itself when it is to be read. */
async function readNumbering(
  client: Client,
  { ref }: RemoteCollection,
): Promise<string | undefined> {
  const opened = client.mailboxOpen(ref, { readOnly: true });
  const mailbox = await opened.catch(noneWhenRefused(undefined));
  return mailbox?.uidValidity ? String(mailbox.uidValidity) : undefined;
}

function noneWhenRefused<T>(none: T): (error: unknown) => T {
  return (error) => {
    if (isRefusal(error)) return none;
    throw error;
  };
}
