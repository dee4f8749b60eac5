import { execFile, spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ImapFlow } from 'imapflow';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dayMs } from '../../domain/clock.ts';
import { readTextLeaves } from '../support/mime-walker.ts';
import { waitFor } from '../support/wait-for.ts';
import { owner, type Talk } from './imap/sample/letter.ts';
import { openSampleMailbox, type SampleMailbox } from './imap/sample/mailbox.ts';
import { renderLetter } from './imap/sample/render.ts';
import { createStory } from './imap/sample/story.ts';
import { createImapEmulator, type ImapEmulator } from './imap/server.ts';

const until = Date.UTC(2026, 10, 3, 9);
const seed = 5;
const story = createStory({ seed, messages: 2_000, until });
const sources = story.past.map((letter) => renderLetter(seed, letter));
const password = 'sample';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'steward-sample-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

describe('the story of a sample mailbox', () => {
  it('is the same to the byte each time it is told', () => {
    const again = createStory({ seed, messages: 2_000, until });
    const same = again.past.every((letter, i) => renderLetter(seed, letter).equals(sources[i]!));
    expect(same).toBe(true);
    expect(renderLetter(seed, again.letter(2_100))).toEqual(
      renderLetter(seed, story.letter(2_100)),
    );
  });

  it('reaches back two years and ends today', () => {
    const dates = story.past.map(({ date }) => date);
    expect(dates).toEqual(dates.toSorted((a, b) => a - b));
    expect(until - dates[0]!).toBeGreaterThan(600 * dayMs);
    expect(until - dates.at(-1)!).toBeLessThan(3_600_000);
  });

  it('names reserved domains only', () => {
    const domains = sources.flatMap(
      (source) => source.toString('latin1').match(/(?<=@)[a-z][a-z0-9.-]*/g) ?? [],
    );
    expect(domains.length).toBeGreaterThan(10_000);
    const reserved = /(^|\.)example\.(com|net|org)$|\.(example|test)$/;
    expect(domains.filter((domain) => !reserved.test(domain))).toEqual([]);
  });

  it('is written in many charsets and encodings, all of which can be read', () => {
    const all = sources.map((source) => source.toString('latin1')).join('\n');
    const charsets = all.match(/(?<=charset=)[a-z0-9-]+/g);
    expect([...new Set(charsets)].toSorted()).toEqual([
      'iso-2022-jp',
      'iso-8859-1',
      'koi8-r',
      'us-ascii',
      'utf-8',
      'windows-1252',
      'windows-1256',
    ]);
    const encodings = all.match(/(?<=Transfer-Encoding: )[a-z0-9-]+/g);
    expect([...new Set(encodings)].toSorted()).toEqual([
      '7bit',
      '8bit',
      'base64',
      'quoted-printable',
    ]);
    const texts = sources.flatMap((source) => readTextLeaves(source).plain);
    expect(texts).toHaveLength(sources.length);
    const broken = texts.filter((text) => /\uFFFD|\u001b/.test(text));
    expect(broken).toEqual([]);
    for (const sample of ['いつもお世話になっております。', 'عرض السعر', 'Счёт', 'Grüße']) {
      expect(texts.some((text) => text.includes(sample))).toBe(true);
    }
  });

  it('refers in answers to letters that exist and are older', () => {
    const talks = story.past.filter((letter): letter is Talk => letter.kind === 'talk');
    const answers = talks.filter(({ parent }) => parent !== undefined);
    expect(answers.length).toBeGreaterThan(500);
    for (const { number, parent } of answers) {
      const head = headOf(sources[number]!);
      expect(parent!.number).toBeLessThan(number);
      expect(/^In-Reply-To: (.+)$/m.exec(head)?.[1]).toBe(
        /^Message-ID: (.+)$/m.exec(headOf(sources[parent!.number]!))?.[1],
      );
    }
  });
});

describe('a sample mailbox that is opened again', () => {
  it('keeps UIDs, flags, sources and what happened meanwhile', () => {
    const sample = openSampleMailbox(folder);
    for (let i = 0; i < 20; i += 1) sample.liveOn();
    sample.mailboxes.setFlags('INBOX', [1, 2], ['\\Flagged'], 'add');
    sample.mailboxes.expunge('INBOX', [3]);
    sample.mailboxes.append('Drafts', 'Subject: mine\r\n\r\nbody\r\n');
    sample.mailboxes.create('Später');
    const before = picture(sample);
    const again = openSampleMailbox(folder);
    expect(picture(again)).toEqual(before);
    again.liveOn();
    sample.liveOn();
    const newest = (of: SampleMailbox) => of.mailboxes.folder('INBOX').messages.at(-1)?.uid;
    expect(newest(again)).toBe(newest(sample));
  });

  it('forgets only the operation that a crash tore', () => {
    const sample = openSampleMailbox(folder);
    sample.liveOn();
    const before = picture(sample);
    appendFileSync(path.join(folder, 'journal.jsonl'), '{"op":"expunge","folder":"INB');
    const again = openSampleMailbox(folder);
    expect(picture(again)).toEqual(before);
    again.mailboxes.append('INBOX', 'Subject: next\r\n\r\n');
    expect(picture(openSampleMailbox(folder))).toEqual(picture(again));
  });
});

describe('the process of the sample mailbox', () => {
  it('says its port, receives mail, and ends with the pipe of its parent', async () => {
    const script = path.resolve(import.meta.dirname, 'imap/main.ts');
    const args = [script, '--state', folder, '--arrival-ms', '50'];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      let said = '';
      child.stdout.on('data', (data: Buffer) => (said += data.toString()));
      const port = Number(await waitFor(() => /port (\d+)/.exec(said)?.[1], { what: 'the port' }));
      const client = await connect(port);
      let news = 0;
      client.on('exists', () => (news += 1));
      const { exists } = await client.mailboxOpen('INBOX');
      expect(exists).toBeGreaterThan(500);
      const idling = client.idle();
      await waitFor(() => news >= 2, { what: 'mail that arrives while the client idles' });
      client.close();
      await Promise.allSettled([idling]);
      child.stdin.end();
      expect(await ended).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('mbsync', () => {
  it('pulls the whole sample mailbox', async () => {
    const sample = openSampleMailbox(path.join(folder, 'state'));
    const server = await serve(sample);
    try {
      const target = path.join(folder, 'pulled');
      mkdirSync(target);
      const configuration = path.join(folder, 'mbsyncrc');
      writeFileSync(configuration, mbsyncConfiguration(server.port, target), { mode: 0o600 });
      await promisify(execFile)('mbsync', ['-c', configuration, '-q', '-a']);
      const files = readdirSync(target, { recursive: true, withFileTypes: true });
      const messages = files.filter((file) => file.isFile() && /^\d+\./.test(file.name));
      const expected = sample.mailboxes.folders().reduce((n, { messages: m }) => n + m.length, 0);
      expect(messages).toHaveLength(expected);
    } finally {
      await server.close();
    }
  });
});

function headOf(source: Buffer): string {
  return source.toString('latin1').split('\r\n\r\n', 1)[0]!.replaceAll('\r\n', '\n');
}

/** Everything that a client could compare after a restart. */
function picture({ mailboxes }: SampleMailbox): unknown {
  return mailboxes.folders().map(({ name, uidValidity, uidNext, highestModseq, messages }) => ({
    ...{ name, uidValidity, uidNext, highestModseq },
    messages: messages.map(({ uid, flags, modseq, internalDate, raw }) => ({
      ...{ uid, flags: [...flags], modseq, internalDate },
      source: raw().toString('latin1'),
    })),
  }));
}

async function serve(sample: SampleMailbox): Promise<ImapEmulator> {
  return await createImapEmulator({
    users: { [owner.address]: password },
    accounts: { [owner.address]: sample.mailboxes },
  });
}

async function connect(port: number): Promise<ImapFlow> {
  const client = new ImapFlow({
    ...{ host: '127.0.0.1', port, secure: false, doSTARTTLS: false, logger: false },
    auth: { user: owner.address, pass: password },
  });
  await client.connect();
  return client;
}

function mbsyncConfiguration(port: number, target: string): string {
  return `FSync no
IMAPAccount sample
Host 127.0.0.1
Port ${port}
User ${owner.address}
Pass ${password}
SSLType None
AuthMechs LOGIN

IMAPStore remote
Account sample

MaildirStore local
Path ${target}/
Inbox ${target}/INBOX
SubFolders Verbatim

Channel sample
Far :remote:
Near :local:
Patterns *
Create Near
Sync Pull
SyncState *
`;
}
