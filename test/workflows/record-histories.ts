import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { disconnectConnection } from '../../db/queries/connection-ends.ts';
import { withTenant, withTransition } from '../../db/tenant.ts';
import { workflowIds } from '../../workflows/contract.ts';
import { waitFor } from '../support/wait-for.ts';
import { startSyncedMailbox, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { startFailingImport } from './failing-import.ts';
import { appendAndSync, mailboxRun, startShortRuns, want } from './mailbox-runs.ts';

/** Not a test of its own: real runs, whose histories the replay test replays. */
let mailbox: SyncedMailbox;

beforeEach(async () => {
  const generate = { messages: 200, folders: 4, seed: 11, mix: 'text' } as const;
  mailbox = await startSyncedMailbox({ capabilities: 'condstore', generate });
});

afterEach(() => mailbox.stop());

it('import', async () => {
  await mailbox.waitForState('live');
  await appendAndSync(mailbox, 'fresh');
  await waitFor(async () => (await reconciledAt()) !== null, { what: 'the first comparison' });
  expect(await record('import')).toBeGreaterThan(0);
});

it('pause and resume', async () => {
  await mailbox.waitForState('live');
  await want(mailbox, 'paused');
  await mailbox.waitForState('paused');
  await want(mailbox, 'run');
  await mailbox.waitForState('live');
  expect(await record('pause-and-resume')).toBeGreaterThan(0);
});

it('failure and recovery', async () => {
  await mailbox.waitForState('live');
  const users = path.join(path.dirname(mailbox.dovecot.maildir), 'users');
  const right = readFileSync(users, 'utf8');
  writeFileSync(users, right.replace('{PLAIN}', '{PLAIN}not '));
  await mailbox.dovecot.restart();
  // A session that is open may outlive the restart; the next one has to log in.
  mailbox.worker.deps.mail.dismiss(mailbox.licence.connectionId);
  await mailbox.poke();
  await mailbox.waitForState('needs-reauth');
  writeFileSync(users, right);
  await appendAndSync(mailbox, 'recovered');
  await mailbox.waitForState('live');
  expect(await record('failure-and-recovery')).toBeGreaterThan(0);
});

it('an import that fails', async () => {
  const { mailbox: unwatched, look, imports } = await startFailingImport();
  await look();
  await look({ fails: true });
  await look();
  await waitFor(() => imports() === 2, { what: 'the second import' });
  await look();
  const run = unwatched.client.workflow.getHandle(unwatched.workflowId);
  expect(await record('failed-import', run)).toBeGreaterThan(0);
  await unwatched[Symbol.asyncDispose]();
});

it('continue as new', async () => {
  const runId = await startShortRuns(mailbox, 30);
  await mailbox.waitForState('live');
  for (let i = 0; (await mailboxRun(mailbox).describe()).runId === runId; i += 1) {
    await appendAndSync(mailbox, `change-${i}`);
  }
  expect(await record('continue-as-new', mailboxRun(mailbox, runId))).toBeGreaterThan(0);
});

it('disconnect', async () => {
  await mailbox.waitForState('live');
  const { tenantId, connectionId } = mailbox.licence;
  await withTransition(mailbox.base.app, tenantId, (tx) =>
    disconnectConnection(tx, { tenantId, id: connectionId }, 0),
  );
  await mailbox.poke();
  await mailboxRun(mailbox).result();
  expect(await record('disconnect')).toBeGreaterThan(0);
});

it('watch', async () => {
  await mailbox.waitForState('live');
  const shard = mailbox.worker.client.workflow.getHandle(workflowIds.imapWatch(0));
  const watched = sql`select 1 from sync_status where watch_seen_at is not null`;
  const { tenantId } = mailbox.licence;
  await waitFor(
    async () =>
      (await withTenant(mailbox.base.app, tenantId, (tx) => tx.execute(watched))).length > 0,
    { what: 'the watch' },
  );
  await shard.cancel();
  await expect(shard.result()).rejects.toThrow('cancelled');
  expect(await record('watch', shard)).toBeGreaterThan(0);
});

async function reconciledAt(): Promise<unknown> {
  const { base, licence } = mailbox;
  const rows = await withTenant(base.app, licence.tenantId, (tx) =>
    tx.execute<{ at: string | null }>(sql`select reconciled_at as at from sync_status`),
  );
  return rows[0]?.at ?? null;
}

/** Writes a history and returns its length; who ran it (a process and a host) is no part of what is replayed. */
async function record(name: string, run = mailboxRun(mailbox)): Promise<number> {
  const history = await run.fetchHistory();
  const json = historyToJSON(history).replaceAll(/"identity": "[^"]*"/g, '"identity": "recorded"');
  const file = new URL(`histories/${name}.json`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(JSON.parse(json), null, 2)}\n`);
  return history.events!.length;
}
