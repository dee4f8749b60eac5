import type { ImapFlow } from 'imapflow';
import { ownFolders, type World } from './world.ts';

/** What is asked of a message through the API. */
export type Ask = 'flag' | 'keyword' | 'move' | 'delete' | 'nothing';

export const keyword = 'asked-for';

/** Messages that the server does not show as they were asked to be, and changes made twice. */
export async function findWronglyShown(
  { dovecot, level }: World,
  asked: ReadonlyMap<string, Ask>,
): Promise<string[]> {
  const client = await dovecot.imap();
  const found = await readPlaces(client);
  const used = await countUids(client);
  await client.logout();
  const wrong = [...asked].flatMap(([messageId, ask]) => {
    const [is, should] = [(found.get(messageId) ?? []).join(', '), expected(ask, level)];
    return is === should ? [] : [`${messageId}: ${ask} was asked, it lies in [${is}]`];
  });
  const moves = level === 'plain' ? 0 : [...asked.values()].filter((ask) => ask === 'move').length;
  // A message that came twice has used two UIDs, even if one of them was expunged again.
  if (used.target !== moves) wrong.push(`${moves} moves used ${used.target} UIDs of the target`);
  if (used.source !== asked.size) {
    wrong.push(`${asked.size} messages used ${used.source} UIDs of the source`);
  }
  return wrong;
}

async function readPlaces(client: ImapFlow): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const query = { uid: true, flags: true, envelope: true };
  for (const folder of Object.values(ownFolders)) {
    const lock = await client.getMailboxLock(folder);
    for await (const { envelope, flags = new Set() } of client.fetch('1:*', query)) {
      const messageId = envelope?.messageId ?? '';
      const marks = ['\\Flagged', keyword].filter((name) => flags.has(name));
      found.set(messageId, [...(found.get(messageId) ?? []), [folder, ...marks].join(' ')]);
    }
    lock.release();
  }
  return found;
}

/** How many UIDs each of the folders has given out (RFC 9051 §2.3.1.1). */
async function countUids(client: ImapFlow): Promise<Record<keyof typeof ownFolders, number>> {
  const count = async (folder: string): Promise<number> => {
    const status = await client.status(folder, { uidNext: true });
    return ((status && status.uidNext) || 0) - 1;
  };
  return { source: await count(ownFolders.source), target: await count(ownFolders.target) };
}

function expected(ask: Ask, level: World['level']): string {
  const { source, target } = ownFolders;
  switch (ask) {
    case 'flag':
      return `${source} \\Flagged`;
    case 'keyword':
      return `${source} ${keyword}`;
    case 'move':
      return level === 'plain' ? source : target;
    case 'delete':
      return level === 'plain' ? source : '';
    default:
      return source;
  }
}
