import type { ImapFlow, MessageStructureObject } from 'imapflow';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askedSections, keyOf, type Section } from '../support/asked-sections.ts';
import { startDovecot, type Dovecot } from '../support/dovecot.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { openSlicedMailbox, type SlicedMailbox } from '../support/sliced-mailbox.ts';

let dovecot: Dovecot;
let client: ImapFlow;
let mailbox: SlicedMailbox;

beforeAll(async () => {
  dovecot = await startDovecot({ rawLog: true });
  const { maildir } = dovecot;
  generateMaildir({ maildir, messages: 600, folders: 6, seed: 11, mix: 'usual' });
  client = await dovecot.imap();
  mailbox = await openSlicedMailbox(dovecot);
});

afterAll(async () => {
  await client.logout();
  await mailbox[Symbol.asyncDispose]();
  await dovecot.stop();
});

test('no part of an attachment is ever fetched, by import or live sync', async () => {
  await mailbox.importAll();
  await client.append('INBOX', withAttachment);
  expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1 });
  await mailbox.live({ poked: false });
  const parts = await readParts(client);
  const bodies = [...parts.values()].filter(({ attachment }) => !attachment);
  const asked = askedSections(dovecot.commands());
  expect(asked.filter(({ section }) => !/^(HEADER|[\d.]+)$/.test(section))).toEqual([]);
  expect(attachmentsAmong(asked, parts)).toEqual([]);
  // The log is complete: every body that could be read was asked for in it.
  expect(bodies.length).toBeGreaterThan(600);
  const keys = new Set(asked.map(keyOf));
  expect(bodies.filter((part) => !keys.has(keyOf(part)))).toEqual([]);
  // And the check sees an attachment that somebody does fetch.
  const attachments = [...parts.values()].filter(({ attachment }) => attachment);
  expect(attachments.length).toBeGreaterThan(50);
  const { folder, uid, section } = attachments.at(-1)!;
  await client.mailboxOpen(folder);
  await client.fetchOne(uid, { bodyParts: [section] }, { uid: true });
  const after = askedSections(dovecot.commands());
  expect(attachmentsAmong(after, parts)).toEqual([{ folder, uid, section }]);
});

type Part = Section & { attachment: boolean };

function attachmentsAmong(asked: Section[], parts: Map<string, Part>): Section[] {
  return asked.filter((each) => parts.get(keyOf(each))?.attachment);
}

/** Every leaf of every message, read by another client. */
async function readParts(reader: ImapFlow): Promise<Map<string, Part>> {
  const parts = new Map<string, Part>();
  for (const { path, flags } of await reader.list()) {
    if (flags.has('\\Noselect')) continue;
    const { exists } = await reader.mailboxOpen(path, { readOnly: true });
    if (exists === 0) continue;
    for await (const { uid, bodyStructure } of reader.fetch('1:*', { bodyStructure: true })) {
      for (const { part = '1', ...leaf } of leavesOf(bodyStructure!)) {
        const found = { folder: path, uid, section: part, attachment: isAttachment(leaf) };
        parts.set(keyOf(found), found);
      }
    }
  }
  return parts;
}

function leavesOf(node: MessageStructureObject): MessageStructureObject[] {
  return node.type.startsWith('multipart/') ? (node.childNodes ?? []).flatMap(leavesOf) : [node];
}

function isAttachment(leaf: Omit<MessageStructureObject, 'part'>): boolean {
  const named = leaf.dispositionParameters?.['filename'] ?? leaf.parameters?.['name'];
  const text = leaf.type === 'text/plain' || leaf.type === 'text/html';
  return !text || named !== undefined || leaf.disposition === 'attachment';
}

const withAttachment = [
  'From: ann@example.org',
  'Subject: with a file',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'See the file.',
  '--b',
  'Content-Type: application/pdf; name=offer.pdf',
  'Content-Disposition: attachment; filename=offer.pdf',
  'Content-Transfer-Encoding: base64',
  '',
  'JVBERi0xLjQ=',
  '--b--',
  '',
].join('\r\n');
