import { sql } from 'drizzle-orm';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium, openPage } from '../support/chromium.ts';
import { createTestConsole, type Seeded, type TestConsole } from '../support/console.ts';
import { type MailFolder, writeFolder } from '../support/mail-rows.ts';
import { refuseIntents, writeIntents, writeReconciliation } from '../support/write-back-rows.ts';

let browser: Browser;
let console: TestConsole;
let page: Page;
let seeded: Seeded;
let inbox: MailFolder;
let card: Locator;

beforeAll(async () => {
  browser = await launchChromium();
});

beforeEach(async () => {
  console = await createTestConsole({ verify: () => Promise.resolve() });
  seeded = await console.connection('jane@example.org');
  await seeded.status(sql`state = 'live', caught_up_at = now(), watch_seen_at = now(),
    backfill_done_at = now()`);
  inbox = await writeFolder(seeded.store, ['INBOX'], { stored: 3_004, expected: 3_004 });
  ({ page } = await openPage(browser));
  card = page.getByRole('article', { name: 'jane@example.org' });
  return async () => {
    await page.context().close();
    await console[Symbol.asyncDispose]();
  };
});

afterAll(() => browser?.close());

const totals = { listed: 3_004, stored: 3_004, missingBefore: 11, missingAfter: 0 };

describe('what was asked for', () => {
  it('is counted while it is on its way', async () => {
    const ids = await writeIntents(seeded.store, 'flags', 3);
    await page.goto(console.link);
    await card.getByText('3 changes on their way to the server').waitFor();
    await refuseIntents(seeded.store, ids.slice(0, 2), { reason: 'message-gone' });
    await card.getByText('1 change on its way to the server').waitFor();
    await refuseIntents(seeded.store, ids.slice(2), { reason: 'message-gone' });
    await card.getByText('on its way').waitFor({ state: 'detached' });
    expect(await card.getByText('Refused changes (3)').isVisible()).toBe(true);
  });

  it('is listed with the reason when it was refused, the latest first', async () => {
    const refuse = async (kind: 'move' | 'create-folder', reason: string, daysAgo: number) =>
      refuseIntents(seeded.store, await writeIntents(seeded.store, kind, 1), { reason, daysAgo });
    await refuse('create-folder', 'imap-folder-exists', 0);
    await refuse('move', 'imap-write-not-permitted', 2);
    await page.goto(console.link);
    await card.getByText('Refused changes (2)').click();
    const rows = card.locator('details[open] li');
    await rows.nth(1).waitFor();
    expect(await rows.allInnerTexts()).toEqual([
      expect.stringMatching(/^Create a folder\s+\d\d:\d\d · there is a folder with this name$/),
      expect.stringMatching(
        /^Move a message\s+\d+ \w+, \d\d:\d\d · the account may only read here$/,
      ),
    ]);
    // While it is open, it follows.
    await refuse('move', 'imap-over-quota', 0);
    await card.getByText('Refused changes (3)').waitFor();
    await rows.filter({ hasText: 'the mailbox is full' }).waitFor();
  });

  it('shows no refusals that are no longer counted', async () => {
    const refuse = async (reason: string, daysAgo: number) =>
      refuseIntents(seeded.store, await writeIntents(seeded.store, 'move', 1), { reason, daysAgo });
    await refuse('imap-over-quota', 0);
    await refuse('imap-write-refused', 20);
    await page.goto(console.link);
    await card.getByText('Refused changes (1)').click();
    await card.getByText('the mailbox is full').waitFor();
    expect(await card.locator('details[open] li').count()).toBe(1);
  });
});

describe('what was compared', () => {
  const compare = () => card.getByRole('button', { name: 'Compare now' });

  it('is said in words, and asked for with a button', async () => {
    await writeReconciliation(seeded.store, inbox.id, totals, 120);
    await page.goto(console.link);
    await card
      .getByText('3,004 of 3,004 messages, compared 2 h ago; 11 were missing and have been read')
      .waitFor();
    const asked = page.waitForResponse(/\/reconcile$/);
    await compare().click();
    expect((await asked).status()).toBe(202);
    await card.getByText('Comparing everything with the server').waitFor();

    const healed = { listed: 3_010, stored: 3_009, missingBefore: 3, missingAfter: 1 };
    await writeReconciliation(seeded.store, inbox.id, healed, 0);
    await card.getByText(/3,009 of 3,010 messages, compared \d+ s ago; 2 were missing/).waitFor();
    await card.getByText('Comparing everything').waitFor({ state: 'detached' });
  });

  it('waits for an import, and says so', async () => {
    await writeReconciliation(seeded.store, inbox.id, totals, 120);
    await seeded.status(sql`state = 'backfilling', backfill_done_at = null`);
    await page.goto(console.link);
    const asked = page.waitForResponse(/\/reconcile$/);
    await compare().click();
    expect((await asked).status()).toBe(202);
    await card.getByText('compared with the server once the import is done').waitFor();
  });

  it('shows why it could not be asked for', async () => {
    await page.goto(console.link);
    await card.getByText('Not compared with the server yet').waitFor();
    await page.route(/\/reconcile$/, (route) =>
      route.fulfill({ status: 503, json: { title: 'Down', detail: 'The database rests.' } }),
    );
    await compare().click();
    await card.getByRole('status').filter({ hasText: 'The database rests.' }).waitFor();
    expect(await compare().isEnabled()).toBe(true);
  });
});
