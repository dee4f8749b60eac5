import type { Random } from '../emulators/imap/sample/random.ts';
import type { Letter } from './letters.ts';
import { drawUids, readTokens, refusal, type OtherClient } from './other-client.ts';

/** What clients do to messages. Every function draws its own folder and messages. */

const systemFlags = ['\\Seen', '\\Flagged', '\\Answered', '\\Draft', '\\Deleted'];
const keywords = ['$Label1', '$Forwarded', 'Rechnung', 'to_do', '$Junk'];

/** Most changes touch a handful; a batch is what people do with "select all". */
const handful = 5;

export async function append(client: OtherClient): Promise<void> {
  const folder = client.random.pick(await client.folders());
  const count = 1 + client.random.int(4);
  for (let i = 0; i < count; i += 1) await bring(client, folder, client.letters.next());
}

/** The same bytes again, in the same folder or another: a double delivery, or a restored backup. */
export async function appendTwin(client: OtherClient): Promise<void> {
  const folder = client.random.pick(await client.folders());
  await bring(client, folder, client.letters.again());
}

export async function bring(client: OtherClient, folder: string, letter: Letter): Promise<number> {
  const { source, flags, date } = letter;
  const result = await client.imap.append(folder, source, flags, date);
  if (!result || result.uid === undefined) throw refusal(`APPEND to ${folder}`);
  client.journal.note({ kind: 'append', folder, uids: [result.uid] });
  return result.uid;
}

export async function changeFlags(client: OtherClient): Promise<void> {
  await store(client, systemFlags.slice(0, 4));
}

export async function changeKeywords(client: OtherClient): Promise<void> {
  await store(client, keywords);
}

async function store(client: OtherClient, names: readonly string[]): Promise<void> {
  const { random, journal, touches } = client;
  const folder = random.pick(await client.folders());
  const chosen = names.filter(() => random.chance(0.4));
  const kind = random.pick(['messageFlagsAdd', 'messageFlagsRemove', 'messageFlagsSet'] as const);
  await client.inFolder(folder, async (all) => {
    const uids = drawUids(random, all, random.chance(0.1) ? all.length : handful);
    if (uids.length === 0 || chosen.length === 0) return;
    touches.letters(await readTokens(client, uids), 'flags');
    journal.note({ kind: `${kind} ${chosen.join(' ')}`, folder, uids });
    // The session of now: the folder may have been opened in a new one.
    if (!(await client.imap[kind](uids.join(), chosen, { uid: true })))
      throw refusal(`STORE in ${folder}`);
  });
}

export async function expunge(client: OtherClient): Promise<void> {
  const folder = client.random.pick(await client.folders());
  await client.inFolder(folder, async (all) => {
    await remove(client, folder, drawUids(client.random, all, handful));
  });
}

/** Empties the largest folder but for a few: what a mailbox rule gone wrong does. */
export async function massExpunge(client: OtherClient): Promise<void> {
  const sizes: { folder: string; messages: number }[] = [];
  for (const folder of await client.folders()) {
    const { messages = 0 } = (await client.imap.status(folder, { messages: true })) || {};
    sizes.push({ folder, messages });
  }
  const { folder } = sizes.toSorted((a, b) => b.messages - a.messages)[0]!;
  await client.inFolder(folder, (all) => remove(client, folder, all.slice(0, -handful)));
}

async function remove(client: OtherClient, folder: string, uids: number[]): Promise<void> {
  if (uids.length === 0) return;
  client.touches.letters(await readTokens(client, uids), 'place');
  client.journal.note({ kind: 'expunge', folder, uids });
  const done = await client.imap.messageDelete(uids.join(), { uid: true });
  if (!done) throw refusal(`EXPUNGE in ${folder}`);
}

export async function move(client: OtherClient): Promise<void> {
  await transfer(client, 'messageMove');
}

export async function copy(client: OtherClient): Promise<void> {
  await transfer(client, 'messageCopy');
}

async function transfer(client: OtherClient, kind: 'messageMove' | 'messageCopy'): Promise<void> {
  const { random } = client;
  const [folder, target] = drawTwo(random, await client.folders());
  if (target === undefined) return;
  await client.inFolder(folder, async (all) => {
    const batch = random.chance(0.1) ? all.length : handful;
    await carry(client, kind, { folder, target, uids: drawUids(random, all, batch) });
  });
}

/** @returns the UIDs at the target */
async function carry(
  client: OtherClient,
  kind: 'messageMove' | 'messageCopy',
  { folder, target, uids }: { folder: string; target: string; uids: number[] },
): Promise<number[]> {
  const { imap, journal, letters, touches } = client;
  if (uids.length === 0) return [];
  journal.note({ kind, folder, uids, target });
  const tokens = await readTokens(client, uids);
  touches.letters(tokens, 'place');
  if (kind === 'messageCopy') tokens.forEach((token) => letters.copied.add(token));
  const from = Date.now();
  const result = await imap[kind](uids.join(), target, { uid: true });
  if (kind === 'messageMove') touches.moved(tokens, { from, to: Date.now() });
  if (!result) throw refusal(`${kind} from ${folder} to ${target}`);
  return [...(result.uidMap?.values() ?? [])];
}

/** Arrives, is moved twice, and is gone: between two slices it leaves nothing to see. */
export async function passThrough(client: OtherClient): Promise<void> {
  const [first, second] = drawTwo(client.random, await client.folders());
  if (second === undefined) return;
  let uids = [await bring(client, first, client.letters.next())];
  for (const [folder, target] of [
    [first, second],
    [second, first],
  ] as const) {
    await client.inFolder(folder, async () => {
      uids = await carry(client, 'messageMove', { folder, target, uids });
    });
  }
  await client.inFolder(first, () => remove(client, first, uids));
}

function drawTwo(random: Random, folders: readonly string[]): [string, string | undefined] {
  const first = random.pick(folders);
  const others = folders.filter((folder) => folder !== first);
  return [first, others.length === 0 ? undefined : random.pick(others)];
}
