import { createHash } from 'node:crypto';
import type { ImapFlow } from 'imapflow';
import { mailFlags } from '../../domain/mail.ts';
import { readTextLeaves } from './mime-walker.ts';

export interface OracleMessage {
  flags: number;
  /** Sorted. */
  keywords: string[];
  textHash: string;
  htmlHash: string;
}

export interface OracleFolder {
  uidValidity: string;
  messages: Map<number, OracleMessage>;
}

/**
 * Reads a whole account independently of our adapter: full sources, taken apart by another parser.
 * Text is the concatenation, by line feeds, of the text/plain leaves without attachment
 * disposition or file name, outside message/rfc822; HTML likewise.
 */
export async function readOracle(client: ImapFlow): Promise<Map<string, OracleFolder>> {
  const folders = new Map<string, OracleFolder>();
  for (const { path, flags } of await client.list()) {
    if (flags.has('\\Noselect') || flags.has('\\NonExistent')) continue;
    const lock = await client.getMailboxLock(path);
    try {
      folders.set(path, await readFolder(client));
    } finally {
      lock.release();
    }
  }
  return folders;
}

async function readFolder(client: ImapFlow): Promise<OracleFolder> {
  const mailbox = client.mailbox;
  if (!mailbox) throw new Error('no mailbox is open');
  const messages = new Map<number, OracleMessage>();
  if (mailbox.exists > 0) {
    for await (const message of client.fetch('1:*', { uid: true, flags: true, source: true })) {
      const { plain, html } = readTextLeaves(message.source!);
      const names = message.flags ?? new Set();
      messages.set(message.uid, {
        flags: flagBits(names),
        keywords: [...names].filter((name) => !name.startsWith('\\')).toSorted(),
        textHash: hashLeaves(plain),
        htmlHash: hashLeaves(html),
      });
    }
  }
  return { uidValidity: String(mailbox.uidValidity), messages };
}

/** A body without such a leaf has a hash of its own, so that empty and absent differ. */
export function hashText(text: string | null): string {
  return text === null ? 'absent' : createHash('sha256').update(text).digest('hex');
}

function hashLeaves(leaves: string[]): string {
  return hashText(leaves.length === 0 ? null : leaves.join('\n'));
}

function flagBits(flags: Set<string>): number {
  return Object.entries(mailFlags).reduce((bits, [name, bit]) => {
    const flag = `\\${name[0]!.toUpperCase()}${name.slice(1)}`;
    return flags.has(flag) ? bits | bit : bits;
  }, 0);
}
