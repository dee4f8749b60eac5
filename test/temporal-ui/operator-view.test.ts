import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { uuidv7 } from '../../domain/ids.ts';
import { workflowIds } from '../../workflows/contract.ts';
import { launchChromium, openPage } from '../support/chromium.ts';
import { startSyncedMailbox, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

const messages = 60;

/** What the pages of the Temporal UI take to appear on a busy machine. */
const waitMs = 20_000;

const screenshots = mkdtempSync(path.join(tmpdir(), 'steward-temporal-ui-'));

let mailbox: SyncedMailbox;
let browser: Browser;
let workflowId: string;

beforeAll(async () => {
  const generate = { messages, folders: 4, seed: 3, mix: 'usual' } as const;
  [mailbox, browser] = await Promise.all([
    startSyncedMailbox({ capabilities: 'condstore', generate }),
    launchChromium(),
  ]);
  workflowId = workflowIds.mailboxSync(mailbox.licence.connectionId);
  await mailbox.waitForState('live');
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await mailbox?.stop();
});

describe('what an operator sees in Temporal', () => {
  it('finds the workflow of a tenant, and of a connection, and no other', async () => {
    const { tenantId, connectionId } = mailbox.licence;
    await waitFor(async () => (await found(`TenantId = '${tenantId}'`)).length > 0, {
      what: 'the workflow in the visibility store',
    });
    expect(await found(`TenantId = '${tenantId}'`)).toEqual([workflowId]);
    expect(await found(`ConnectionId = '${connectionId}'`)).toEqual([workflowId]);
    expect(await found(`TenantId = '${uuidv7()}'`)).toEqual([]);
    await waitFor(async () => (await found(`SyncState = 'live'`)).length > 0, {
      what: 'the state as a search attribute',
    });
    expect(await found(`SyncState = 'live'`)).toEqual([workflowId]);
  });

  it('shows the details of a connection on the page of its workflow', async () => {
    const page = await open(`workflows/${encodeURIComponent(workflowId)}`);
    await page.getByRole('tab', { name: 'User Metadata' }).click({ timeout: waitMs });
    for (const shown of ['One connection from connect to', `stored ${messages} of ${messages}`]) {
      await waitFor(async () => (await textOf(page)).includes(shown), {
        ...{ what: shown, timeoutMs: waitMs },
      });
    }
    const text = await textOf(page);
    expect(text).toContain(`Keeps the mail of connection ${mailbox.licence.connectionId} in step`);
    expect(text).toContain('One connection from connect to disconnect');
    expect(text).toContain('live (imap, mail)');
    expect(text).toMatch(/looks again by \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/);
    await finish(page, 'details');
  });

  it('says what a shard of the watch does', async () => {
    const page = await open(`workflows/${encodeURIComponent(workflowIds.imapWatch(0))}`);
    await page.getByRole('tab', { name: 'User Metadata' }).click({ timeout: waitMs });
    // Summary and details come with requests of their own.
    for (const shown of ['Holds the IDLE sessions of a fixed share', 'watching shard 0']) {
      await waitFor(async () => (await textOf(page)).includes(shown), {
        ...{ what: shown, timeoutMs: waitMs },
      });
    }
    await finish(page, 'watch');
  });

  it('lists the workflow under a query for its tenant', async () => {
    const query = `TenantId="${mailbox.licence.tenantId}"`;
    const page = await open(`workflows?query=${encodeURIComponent(query)}`);
    await page.getByRole('link', { name: workflowId }).waitFor({ timeout: waitMs });
    expect(await page.locator('main').innerText()).toMatch(/^1\s+Workflow\b/);
    expect(await textOf(page)).not.toContain(workflowIds.imapWatch(0));
    await finish(page, 'list');
  });
});

async function found(query: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const execution of mailbox.worker.client.workflow.list({ query })) {
    ids.push(execution.workflowId);
  }
  return ids;
}

async function open(where: string): Promise<Page> {
  const { page } = await openPage(browser, { viewport: { width: 1_400, height: 900 } });
  await page.goto(`${inject('temporalUiUrl')}/namespaces/${mailbox.worker.namespace}/${where}`);
  return page;
}

/** The page's text with that of its frames: details are Markdown, which the UI frames. */
async function textOf(page: Page): Promise<string> {
  const texts = await Promise.all(page.frames().map((frame) => frame.locator('body').innerText()));
  return texts.join('\n');
}

async function finish(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: path.join(screenshots, `${name}.png`) });
  await page.context().close();
}
