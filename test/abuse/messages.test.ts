import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeMessage } from '../../activities/mail/decode-message.ts';
import type { EncodeJob, PageEncoder } from '../../domain/mail-page.ts';
import { PoisonedPageError } from '../../domain/failure.ts';
import type { RawLeaf, RawMessage } from '../../domain/provider.ts';
import { behaviours } from '../emulators/imap-hostile/behaviours.ts';
import { createHostileServer } from '../emulators/imap-hostile/server.ts';
import { fillInbox, letter, lettersCount } from '../emulators/imap-hostile/behaviour.ts';
import { createPoisonWorld, type PoisonWorld } from '../hostile/poison-world.ts';

/** A sender's worst header of the size that is fetched may take so long; the rest of a page waits. */
const decodeMsMax = 1_500;

const headerBytes = 128 * 1024;

function rawMessage(header: string, leaves: RawLeaf[] = []): RawMessage {
  return {
    ...{ uid: 1, flags: 0, keywords: [], size: 1, version: 0n, attachments: [], leaves },
    ...{ stableId: undefined, threadId: undefined, receivedAt: new Date(0) },
    header: Buffer.from(header),
  };
}

function leaf(content: string, charset: string, encoding = '7bit'): RawLeaf {
  return { subtype: 'plain', charset, encoding, content: Buffer.from(content), truncated: false };
}

/** Units that make a careless expression try every way to match them. */
const units = [
  ...['(', '<', '<a', '"', '\\"', ',', 'a@b,', '@', '@:', ' ', '\t', '\r\n ', ':', ';', '\u0000'],
  ...['=?', '=?a?', '=?utf-8?q?', '=?utf-8?b?', '=?utf-8?q?a?= ', '=?gb18030?b?', '?=', '<a@b>'],
];
const fields = ['Subject', 'From', 'Date', 'References', 'Message-ID', 'List-Id'];

describe('a message that is made to hurt its reader', () => {
  it.each(fields)(
    'abuse case 56: a %s of 128 KB takes no time that grows with its square',
    (field) => {
      const slow: string[] = [];
      for (const unit of units) {
        for (const lead of ['', '(', '<', '"', '=?utf-8?q?']) {
          const text = lead + unit.repeat(Math.floor(headerBytes / unit.length));
          const startedAt = performance.now();
          decodeMessage(rawMessage(`${field}: ${text}\r\n\r\n`));
          if (performance.now() - startedAt > decodeMsMax) slow.push(JSON.stringify(lead + unit));
        }
      }
      expect(slow).toEqual([]);
    },
  );

  it.each([
    ...['utf-7', 'utf-7-imap', 'hex', 'base64', 'binary', 'utf-32', 'iso-2022-jp', 'gb18030'],
    ...['__proto__', 'constructor', 'no such charset', 'x'.repeat(10_000), 'utf-8\u0000'],
  ])('abuse case 56: text in the charset %s is read or left as it is', (charset) => {
    for (const text of ['+'.repeat(500_000), '&'.repeat(500_000), '\u001b$B'.repeat(100_000)]) {
      const { body } = decodeMessage(rawMessage('', [leaf(text, charset, 'quoted-printable')]));
      expect(typeof body.text).toBe('string');
    }
  });

  it('abuse case 56: header fields with names of objects are fields like any other', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const header = [...names.map((name) => `${name}: polluted`), 'Subject: kept', '', ''];
    const { envelope } = decodeMessage(rawMessage(header.join('\r\n')));
    expect(envelope.subject).toBe('kept');
    expect(Object.keys({})).toEqual([]);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it.each(['Thu, 01 Jan 99999 00:00:00 +0000', '01 Jan -5 00:00', '+275760-09-13T00:00:00Z'])(
    'abuse case 56: the date %s is none that the store must hold',
    (date) => {
      expect(decodeMessage(rawMessage(`Date: ${date}\r\n\r\n`)).sentAt).toBeNull();
    },
  );

  it('abuse case 56: ten thousand recipients cost no more than the bound', () => {
    const header = `To: ${'a@b, '.repeat(20_000)}\r\n`.repeat(2);
    expect(decodeMessage(rawMessage(header)).envelope.to).toHaveLength(500);
  });

  it.each(['nests parts 500 deep', 'splits a message into 50,000 parts'])(
    'abuse case 56: a server that %s has skips with a reason, and the rest is read',
    (name) => {
      const { ends, skipped } = behaviours.find((each) => each.name === name)!;
      expect(ends).toBe('read');
      expect(Object.keys(skipped ?? {})).toHaveLength(1);
    },
  );
});

describe('one poisonous message', () => {
  const poison = 'Poison';
  let world: PoisonWorld;

  beforeAll(async () => {
    world = await createPoisonWorld((encoder) => poisonedBy(encoder, poison));
  }, 60_000);
  afterAll(() => world?.stop());

  /** The real encoder, but for one message that no page survives. */
  function poisonedBy(encoder: PageEncoder, subject: string): PageEncoder {
    const isPoison = ({ header }: RawMessage) =>
      Buffer.from(header).toString('latin1').includes(`Subject: ${subject}`);
    return {
      encode: async (job: EncodeJob) => {
        if (job.messages.some(isPoison)) throw new PoisonedPageError('poisoned on purpose');
        return await encoder.encode(job);
      },
    };
  }

  it('abuse case 57: is quarantined after three tries, and everything around it is stored', async () => {
    await using server = await createHostileServer({
      mailbox: (mailboxes) => {
        fillInbox(mailboxes);
        mailboxes.append('INBOX', letter(poison));
        mailboxes.append('INBOX', letter('After it'));
      },
    });
    await world.connect(server.port);
    await world.slice('live');
    await world.slice('backfill');
    // The whole page was struck, the cursor moved, and nothing of it is stored yet.
    expect(await world.stored()).toBe(0);
    expect((await world.skips()).map(({ strikes }) => strikes)).toEqual(Array(8).fill(1));
    await world.slice('live');
    expect(await world.stored()).toBe(lettersCount + 1);
    server.mailboxes.append('INBOX', letter('New mail'));
    await world.slice('live');
    expect(await world.stored()).toBe(lettersCount + 2);
    expect(await world.skips()).toEqual([
      { uid: 7, reason: 'undecodable', strikes: 3, quarantined: true },
    ]);
    await world.slice('live');
    expect(await world.skips()).toHaveLength(1);
  });
});
