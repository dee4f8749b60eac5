import { waitFor } from '../support/wait-for.ts';
import { repeat, type Background } from './background.ts';
import { ownFolders, type World } from './world.ts';

/** What is asked of a message through the API; every message is asked one thing, once. */
const asks = ['flag', 'keyword', 'move', 'delete', 'nothing'] as const;
type Ask = (typeof asks)[number];

/** A CRM's pace: a change every few tenths of a second is a busy team on one mailbox. */
const pauseMs = 300;

/** While a process is down an answer may be long in coming; the caller asks again. */
const answerTimeoutMs = 60_000;

const keyword = 'asked-for';

export interface OwnChanges extends Background {
  /** How many changes were accepted. */
  readonly accepted: number;
  /** Accepted changes that the mailbox does not show exactly once. */
  findWrong(): Promise<string[]>;
}

/**
 * Writes through the API while processes die: repeats a request until it is accepted, as a CRM
 * does that got no answer, and keeps what the mailbox has to show in the end.
 */
export function startOwnChanges(world: World): OwnChanges {
  const asked = new Map<string, Ask>();
  let accepted = 0;
  const turn = async (): Promise<void> => {
    const messageId = `<own-${asked.size + 1}@example.org>`;
    const ask = world.random.pick(asks);
    asked.set(messageId, ask);
    await append(world, messageId);
    if (ask === 'nothing') return;
    const id = await waitForMessage(world, messageId);
    await untilAccepted(world, ask, id);
    accepted += 1;
  };
  const background = repeat(pauseMs, turn);
  return {
    ...background,
    get accepted() {
      return accepted;
    },
    findWrong: () => findWrong(world, asked),
  };
}

async function append({ otherClient, dovecot, poke }: World, messageId: string): Promise<void> {
  const client = await dovecot.imap();
  const source = `Subject: own\r\nMessage-ID: ${messageId}\r\n\r\nbody of ${messageId}\r\n`;
  await client.append(ownFolders.source, source);
  await client.logout();
  otherClient.journal.note({ kind: `own ${messageId}`, folder: ownFolders.source, uids: [] });
  await poke();
}

/** Waits until the API shows the message, and returns its id. */
async function waitForMessage(world: World, messageId: string): Promise<string> {
  return await waitFor(
    async () => {
      const folder = await folderId(world, ownFolders.source);
      const { body } = await world.api.send('GET', `/v1/messages?folder=${folder}&limit=20`);
      return body.data.find((message) => message['messageId'] === messageId)?.['id'] as string;
    },
    { what: `${messageId} in the API`, timeoutMs: answerTimeoutMs, intervalMs: 100 },
  );
}

async function folderId({ api, connection }: World, name: string): Promise<string> {
  const { body } = await api.send('GET', `/v1/folders?connection=${connection}`);
  const found = body.data.find(({ path }) => (path as string[]).join('.') === name);
  if (!found) throw new Error(`the API shows no folder ${name}`);
  return String(found['id']);
}

async function untilAccepted(world: World, ask: Ask, id: string): Promise<void> {
  const target = await waitFor(() => folderId(world, ownFolders.target), {
    what: 'the folders',
    timeoutMs: answerTimeoutMs,
  });
  const bodies = { flag: { flagged: true }, keyword: { keywords: [keyword] } };
  const body = { ...bodies, move: { folder: target }, delete: undefined, nothing: undefined }[ask];
  const method = ask === 'delete' ? 'DELETE' : 'PATCH';
  await waitFor(
    async () => {
      const { status } = await world.api.send(method, `/v1/messages/${id}`, body);
      // A deletion whose answer was lost may have been carried out by now.
      return status === 202 || (status === 404 && ask === 'delete');
    },
    { what: `${ask} to be accepted`, timeoutMs: answerTimeoutMs, intervalMs: 100 },
  );
}

async function findWrong({ dovecot }: World, asked: Map<string, Ask>): Promise<string[]> {
  const client = await dovecot.imap();
  const found = new Map<string, string[]>();
  for (const folder of Object.values(ownFolders)) {
    const lock = await client.getMailboxLock(folder);
    for await (const { envelope, flags = new Set() } of client.fetch('1:*', {
      ...{ uid: true, flags: true, envelope: true },
    })) {
      const messageId = envelope?.messageId ?? '';
      const marks = ['\\Flagged', keyword].filter((name) => flags.has(name));
      found.set(messageId, [...(found.get(messageId) ?? []), [folder, ...marks].join(' ')]);
    }
    lock.release();
  }
  await client.logout();
  return [...asked].flatMap(([messageId, ask]) => {
    const [is, should] = [(found.get(messageId) ?? []).join(', '), expected[ask]];
    return is === should ? [] : [`${messageId}: ${ask} was asked, it lies in [${is}]`];
  });
}

const expected: Record<Ask, string> = {
  flag: `${ownFolders.source} \\Flagged`,
  keyword: `${ownFolders.source} ${keyword}`,
  move: ownFolders.target,
  delete: '',
  nothing: ownFolders.source,
};
