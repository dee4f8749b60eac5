import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTenant } from '../../db/tenant.ts';
import type { MessageEnvelope } from '../../domain/mail.ts';
import { openJson } from '../../domain/sealed-json.ts';
import { waitFor } from '../support/wait-for.ts';
import { scanFiles } from '../support/scan-files.ts';
import { startSyncedMailbox, type SyncedMailbox } from '../support/synced-mailbox.ts';

const markers = {
  subject: 'MARKERSUBJECTq7x1',
  body: 'MARKERBODYq7x2',
  address: 'markeraddressq7x3',
  folder: 'MARKERFOLDERq7x4',
  password: 'MARKERPASSWORDq7x5',
};
const all = Object.values(markers);

let mailbox: SyncedMailbox;
const logged: string[] = [];

beforeAll(async () => {
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      logged.push(chunk.toString());
      done();
    },
  });
  mailbox = await startSyncedMailbox({
    capabilities: 'condstore',
    password: markers.password,
    log: destination,
    prepare: async (client) => {
      await client.mailboxCreate(markers.folder);
      const source = [
        `Subject: ${markers.subject}`,
        `From: ${markers.address}@example.com`,
        'Message-ID: <marked@example.com>',
        '',
        markers.body,
      ].join('\r\n');
      await client.append('INBOX', source);
      await client.append(markers.folder, source);
    },
  });
  await mailbox.waitForState('live');
  // A fault, so that failures are in the history and the log as well.
  await mailbox.dovecot.stop();
  await mailbox.poke();
  await mailbox.waitForState('degraded');
}, 120_000);

afterAll(() => mailbox.stop());

describe('planted markers', () => {
  it('are stored: opened with the keys, they are there', async () => {
    const [row] = await withTenant(mailbox.base.app, mailbox.vault.tenantId, (tx) =>
      tx.execute<{ id: string; envelope: Uint8Array }>(sql`select id, envelope from messages`),
    );
    const place = { table: 'messages', column: 'envelope', rowId: row!.id };
    const envelope = openJson<MessageEnvelope>(mailbox.vault, place, row!.envelope);
    expect(envelope.subject).toBe(markers.subject);
    expect(envelope.from[0]?.address).toContain(markers.address);
  });

  it("are nowhere in the database's files, the WAL or Temporal's store", async () => {
    await mailbox.base.owner.sql`checkpoint`;
    const [row] = await mailbox.base.owner.sql`show data_directory`;
    const services = path.dirname(String(row!['data_directory']));
    expect(await scanFiles([services], all)).toEqual([]);
  });

  it('are nowhere in the histories and the log', async () => {
    const { client } = mailbox.worker;
    let histories = 0;
    for await (const { workflowId } of client.workflow.list()) {
      const history = await client.workflow.getHandle(workflowId).fetchHistory();
      const text = historyToJSON(history);
      expect(all.filter((marker) => text.includes(marker))).toEqual([]);
      histories += 1;
    }
    expect(histories).toBeGreaterThanOrEqual(2);
    const log = await waitFor(() => logged.join(''), { what: 'a log line' });
    expect(log).toContain('slice failed');
    expect(all.filter((marker) => log.includes(marker))).toEqual([]);
  });

  it('would be found: the scanner finds one in a file', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'steward-scan-'));
    writeFileSync(path.join(folder, 'leak'), `${'x'.repeat(2 ** 20 - 5)}${markers.body}`);
    expect(await scanFiles([folder], all)).toHaveLength(1);
    rmSync(folder, { recursive: true });
  });
});
