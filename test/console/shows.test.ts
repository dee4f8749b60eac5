import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'drizzle-orm';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, openPage } from '../support/chromium.ts';
import { createTestConsole, type Seeded, type TestConsole } from '../support/console.ts';
import { type MailFolder, writeFolder, writeMessage, writeSkip } from '../support/mail-rows.ts';
import { waitFor } from '../support/wait-for.ts';

const hostile = '<img src=x onerror="document.title=\'owned\'">';
const waitMs = 10_000;

let browser: Browser;
let console: TestConsole;
let importing: Seeded;
let live: Seeded;
let inbox: MailFolder;

beforeAll(async () => {
  browser = await launchChromium();
  console = await createTestConsole({ verify: () => Promise.resolve() });
  live = await console.connection('live@example.org');
  await live.status(sql`state = 'live', caught_up_at = now(), watch_seen_at = now(),
    backfill_done_at = now()`);
  importing = await console.connection(`"${hostile}"@example.org`);
  await importing.status(sql`state = 'backfilling', caught_up_at = now()`);
  inbox = await writeFolder(importing.store, ['INBOX', hostile], {
    stored: 1_204,
    expected: 3_000,
  });
  await writeMessage(importing.store, inbox, { uid: 1, subject: hostile, from: `${hostile}@x` });
  await writeMessage(importing.store, inbox, { uid: 2, subject: 'Grüße aus 東京' });
  await writeSkip(importing.store, inbox, 9);
});

afterAll(async () => {
  await browser?.close();
  await console?.[Symbol.asyncDispose]();
});

const cardOf = (page: Page, { id }: Seeded) => page.locator(`[data-connection="${id}"]`);

async function textOf(page: Page, { id }: Seeded): Promise<string> {
  return await cardOf(page, { id } as Seeded).innerText();
}

describe('the console', () => {
  it('shows connections, folders, skips and messages; what senders wrote is text', async () => {
    const { page, complaints, requests } = await openPage(browser);
    await page.goto(console.link);
    const card = cardOf(page, importing);
    await card.getByText('Importing history: 1,204 of 3,000 messages').waitFor();
    await cardOf(page, live).getByText('Live: up to date').waitFor();

    await page.locator('.subject', { hasText: hostile }).waitFor();
    await page.locator('.from', { hasText: hostile }).waitFor();
    await page.getByText('Grüße aus 東京').waitFor();
    await card.locator('summary', { hasText: 'Folders' }).click();
    await card.getByRole('rowheader', { name: `INBOX / ${hostile}` }).waitFor();
    await card.locator('summary', { hasText: 'Left out (1)' }).click();
    await card.getByText('Its content could not be decoded').waitFor();
    const link = card.getByRole('link', { name: /Workflow/ });
    expect(await link.getAttribute('href')).toMatch(
      /^http:\/\/temporal\.example\/namespaces\/default\/workflows\/mailbox-sync%2F[0-9a-f-]{36}$/,
    );

    expect(await page.title()).toBe('Steward');
    expect(await page.locator('img[src=x]').count()).toBe(0);
    expect(page.url()).toBe(`${console.url}/`);
    expect(requests.filter((url) => url.includes(console.tenant.key))).toEqual([]);
    expect(new Set(requests.map((url) => new URL(url).origin))).toEqual(new Set([console.url]));
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('notices what the content security policy refuses', async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(console.link);
    await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<p style="color:red">')`);
    await waitFor(() => complaints.length > 0);
    expect(complaints[0]).toContain('Content Security Policy');
    await page.context().close();
  });

  it('keeps the key for the tab', async () => {
    const { page } = await openPage(browser);
    await page.goto(console.link);
    await cardOf(page, live).waitFor();
    await page.reload();
    await cardOf(page, live).waitFor();
    expect(page.url()).toBe(`${console.url}/`);
    await page.context().close();
  });

  it('moves with the stream: progress, states and new messages, without a reload', async () => {
    const { page } = await openPage(browser);
    await page.goto(console.link);
    await cardOf(page, importing).getByText('1,204 of 3,000').waitFor();
    await importing.write(sql`update collections set stored = 2100 where id = ${inbox.id}`);
    await writeMessage(importing.store, inbox, { uid: 3, subject: 'Just arrived' });
    await waitFor(async () =>
      /2,100 of 3,000 messages, [\d,]+ per second, about \d+ s left/.test(
        await textOf(page, importing),
      ),
    );
    expect(
      await cardOf(page, importing).getByRole('progressbar').getAttribute('aria-valuetext'),
    ).toBe('2,100 of 3,000');
    await page.locator('.subject').first().getByText('Just arrived').waitFor({ timeout: waitMs });

    await live.status(sql`state = 'throttled', next_attempt_at = now() + interval '10 minutes'`);
    await waitFor(async () =>
      /Waiting for the server until \d\d:\d\d/.test(await textOf(page, live)),
    );
    await live.status(sql`state = 'needs-reauth'`);
    await waitFor(async () => (await textOf(page, live)).includes('Needs a new password'));
    await live.status(sql`state = 'live', next_attempt_at = null`);
    await page.context().close();
  });

  it('fits light and dark, narrow and wide', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'steward-console-'));
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [375, 1_280]) {
        const { page } = await openPage(browser, { colorScheme, viewport: { width, height: 900 } });
        await page.goto(console.link);
        await page.getByText('Grüße aus 東京').waitFor();
        const file = path.join(folder, `${colorScheme}-${width}.png`);
        await page.screenshot({ path: file, fullPage: true });
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
        await page.context().close();
      }
    }
  });
});
