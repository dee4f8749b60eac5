import { readIntents } from '../stream/own-intents.ts';
import { waitFor } from '../support/wait-for.ts';
import { repeat, type Background } from './background.ts';
import { findWronglyShown, keyword, type Ask } from './own-effects.ts';
import { ownFolders, type World } from './world.ts';

/** What is asked of a message through the API; every message is asked one thing, once. */
const asks = ['flag', 'keyword', 'move', 'move', 'delete', 'nothing'] as const;

/** Messages that come, and are asked for, together: a slice carries out several at once. */
const batch = 4;

/** A CRM's pace: a change every few tenths of a second is a busy team on one mailbox. */
const pauseMs = 300;

/**
 * While processes die one after the other an answer may be long in coming; the caller asks again.
 * A death costs up to half a minute, and several may follow each other before a turn is through.
 */
const answerTimeoutMs = 120_000;

export interface OwnChanges extends Background {
  /** How many changes were accepted. */
  readonly accepted: number;
  /** What became of them, in the end. */
  settle(): Promise<OwnOutcome>;
}

export interface OwnOutcome {
  /** Accepted changes that the API does not show as ended, or the server not exactly once. */
  wrong: string[];
  done: number;
  refused: number;
  /** Intents that were tried more than once, because somebody died in between. */
  repeated: number;
}

/**
 * Writes through the API while processes die: repeats a request until it is accepted, as a CRM
 * does that got no answer, and keeps what the mailbox has to show in the end.
 */
export function startOwnChanges(world: World): OwnChanges {
  const asked = new Map<string, Ask>();
  const intents: string[] = [];
  let accepted = 0;
  const turn = async (): Promise<void> => {
    const fresh = Array.from({ length: batch }, () => {
      const messageId = `<own-${asked.size + 1}@example.org>`;
      const ask = world.random.pick(asks);
      asked.set(messageId, ask);
      return { messageId, ask };
    });
    await append(world, fresh);
    for (const { messageId, ask } of fresh) {
      if (ask === 'nothing') continue;
      const id = await waitForMessage(world, messageId);
      intents.push(...(await untilAccepted(world, ask, id)));
      accepted += 1;
    }
  };
  const background = repeat({ name: 'our own changes', pauseMs, say: world.say }, turn);
  return {
    ...background,
    get accepted() {
      return accepted;
    },
    settle: () => settle(world, asked, intents),
  };
}

async function append(
  { otherClient, dovecot, poke }: World,
  fresh: readonly { messageId: string }[],
): Promise<void> {
  const client = await dovecot.imap();
  for (const { messageId } of fresh) {
    const source = `Subject: own\r\nMessage-ID: ${messageId}\r\n\r\nbody of ${messageId}\r\n`;
    await client.append(ownFolders.source, source);
    otherClient.journal.note({ kind: `own ${messageId}`, folder: ownFolders.source, uids: [] });
  }
  await client.logout();
  // One that the API was not there to hear is repeated: nothing else says that the folder has changed.
  await waitFor(poke, { what: 'a poke to be heard', timeoutMs: answerTimeoutMs, intervalMs: 200 });
}

/** Waits until the API shows the message, and returns its id. @throws with where the sync stands */
async function waitForMessage(world: World, messageId: string): Promise<string> {
  const shown = async () => {
    const folder = await folderId(world, ownFolders.source);
    const { body } = await world.api.send('GET', `/v1/messages?folder=${folder}&limit=20`);
    return body.data.find((message) => message['messageId'] === messageId)?.['id'] as string;
  };
  const options = { what: `${messageId} in the API`, timeoutMs: answerTimeoutMs, intervalMs: 100 };
  try {
    return await waitFor(shown, options);
  } catch (cause) {
    const progress = JSON.stringify(await world.api.progress(world.connection));
    throw new Error(`${messageId} does not show, and the mailbox is ${progress}`, { cause });
  }
}

async function folderId({ api, connection }: World, name: string): Promise<string> {
  const { body } = await api.send('GET', `/v1/folders?connection=${connection}`);
  const found = body.data.find(({ path }) => (path as string[]).join('.') === name);
  if (!found) throw new Error(`the API shows no folder ${name}`);
  return String(found['id']);
}

/** Returns the intents that the answer names. One whose answer was lost stands beside them. */
async function untilAccepted(world: World, ask: Ask, id: string): Promise<string[]> {
  const target = await waitFor(() => folderId(world, ownFolders.target), {
    what: 'the folders',
    timeoutMs: answerTimeoutMs,
  });
  const bodies = { flag: { flagged: true }, keyword: { keywords: [keyword] } };
  const body = { ...bodies, move: { folder: target }, delete: undefined, nothing: undefined }[ask];
  const method = ask === 'delete' ? 'DELETE' : 'PATCH';
  return await waitFor(
    async () => {
      const answer = await world.api.send(method, `/v1/messages/${id}`, body);
      if (answer.status === 202) return answer.body['intents'] as string[];
      // A deletion whose answer was lost may have been carried out by now.
      return answer.status === 404 && ask === 'delete' ? [] : undefined;
    },
    { what: `${ask} to be accepted`, timeoutMs: answerTimeoutMs, intervalMs: 100 },
  );
}

/** Each intent has ended as it had to, none waits, and the server shows each effect once. */
async function settle(
  world: World,
  asked: ReadonlyMap<string, Ask>,
  intents: readonly string[],
): Promise<OwnOutcome> {
  const { api, connection, level } = world;
  const found = await readIntents({ id: connection, call: api.send }, intents);
  const waiting = await api.send('GET', `/v1/connections/${connection}/intents?state=pending`);
  const wrong = intents.flatMap((id) => {
    const intent = found.get(id);
    if (!intent) return [`${id}: the intent is lost`];
    const { kind, state, reason } = intent;
    const removes = kind === 'move' || kind === 'delete';
    const unsupported = level === 'plain' && removes && reason === 'imap-removal-unsupported';
    return state === 'done' || unsupported ? [] : [`${id}: ${kind} is ${state}: ${reason}`];
  });
  wrong.push(...waiting.body.data.map((intent) => `still waiting: ${JSON.stringify(intent)}`));
  wrong.push(...(await findWronglyShown(world, asked)));
  const all = [...found.values()];
  const count = (which: (intent: (typeof all)[number]) => boolean) => all.filter(which).length;
  return {
    wrong,
    done: count(({ state }) => state === 'done'),
    refused: count(({ state }) => state === 'refused'),
    repeated: count(({ attempts }) => attempts > 1),
  };
}
