import { sql } from 'drizzle-orm';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProviderFailure } from '../../domain/failure.ts';
import type { ImapAccount } from '../../domain/provider.ts';
import { launchChromium, openPage } from '../support/chromium.ts';
import { createTestConsole, sampleMailbox, type TestConsole } from '../support/console.ts';
import { writeFolder, writeSkip } from '../support/mail-rows.ts';

let browser: Browser;
let console: TestConsole;
let page: Page;
const verified: ImapAccount[] = [];

beforeAll(async () => {
  browser = await launchChromium();
});

beforeEach(async () => {
  verified.length = 0;
  console = await createTestConsole({ verify });
  ({ page } = await openPage(browser));
  return async () => {
    await page.context().close();
    await console[Symbol.asyncDispose]();
  };
});

afterAll(() => browser?.close());

/** A server that knows one password. */
async function verify(account: ImapAccount): Promise<void> {
  verified.push(account);
  if (account.password !== 'wrong') return;
  throw new ProviderFailure('auth-revoked', 'The server refused the user name or the password.', {
    code: 'imap-login-failed',
  });
}

async function fill(values: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(values)) {
    await page.getByLabel(label, { exact: true }).fill(value);
  }
}

const connect = () => page.getByRole('button', { name: 'Connect', exact: true }).click();

describe('the form that connects a mailbox', () => {
  const account = { 'IMAP server': 'imap.example', 'User name': 'jane@example.org' };

  it('shows errors beside their fields and the sentence on top, then connects', async () => {
    await page.goto(console.link);
    await page.getByRole('heading', { name: 'Connect your first mailbox' }).waitFor();

    await fill({ 'IMAP server': 'imap.example' });
    await connect();
    await page.locator('#username-error', { hasText: 'This is needed.' }).waitFor();

    await fill({ ...account, Port: '99999', Password: 'wrong' });
    await connect();
    await page.locator('#port-error:visible').waitFor();
    expect(await page.getByLabel('Port', { exact: true }).getAttribute('aria-invalid')).toBe(
      'true',
    );
    expect(await page.evaluate('document.activeElement.id')).toBe('port');
    await page.getByRole('alert').filter({ hasText: 'imap.port' }).waitFor();

    await fill({ Port: '993' });
    expect(await page.locator('#port-error').isVisible()).toBe(false);
    await connect();
    await page.getByRole('alert').filter({ hasText: 'refused the user name' }).waitFor();

    await fill({ Password: 'right', 'Import since': '2026-01-31' });
    await connect();
    const card = page.getByRole('article', { name: 'jane@example.org' });
    await card.getByText('imap.example · since 31 Jan 2026').waitFor();
    expect(verified.at(-1)).toMatchObject({ port: 993, security: 'tls', password: 'right' });
    await page.getByRole('button', { name: 'Connect a mailbox' }).waitFor();
  });

  it('says that an account is connected already', async () => {
    await console.connection('jane@example.org');
    await page.goto(console.link);
    await page.getByRole('button', { name: 'Connect a mailbox' }).click();
    await fill({ ...account, Password: 'right' });
    await connect();
    await page.getByRole('article', { name: 'jane@example.org' }).nth(1).waitFor();
    await page.getByRole('button', { name: 'Connect a mailbox' }).click();
    await fill({ ...account, Password: 'right' });
    await connect();
    await page.getByRole('alert').filter({ hasText: 'connected already' }).waitFor();
    expect(await page.getByRole('article').count()).toBe(2);
  });

  it('connects the sample mailbox of a sandbox with one press', async () => {
    await page.goto(console.link);
    await page.getByText('This instance is for trying out').waitFor();
    await page.getByRole('button', { name: 'Connect the sample mailbox' }).click();
    await page.getByRole('article', { name: sampleMailbox.username }).waitFor();
    expect(verified).toEqual([{ ...sampleMailbox, security: 'none' }]);
  });
});

describe('the buttons of a connection', () => {
  it('pause, resume and disconnect it, saying what becomes of the data', async () => {
    await console.connection('jane@example.org');
    await page.goto(console.link);
    const card = page.getByRole('article', { name: 'jane@example.org' });
    await card.getByRole('button', { name: 'Pause' }).click();
    await card.getByText('Paused: nothing is fetched').waitFor();
    await card.getByRole('button', { name: 'Resume' }).click();
    await card.getByRole('button', { name: 'Sync now' }).click();
    await card.getByText('Connecting to the server').waitFor();

    await card.getByRole('button', { name: 'Disconnect' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('wipes the password').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await card.getByRole('button', { name: 'Disconnect' }).isVisible()).toBe(true);

    await card.getByRole('button', { name: 'Disconnect' }).click();
    await dialog.getByLabel('Keep it').check();
    await dialog.getByRole('button', { name: 'Disconnect' }).click();
    await card.getByText('what was imported is kept').waitFor();
    expect(await card.getByRole('button').count()).toBe(0);
  });
});

describe('a connection in need of a person', () => {
  it('takes a new password, and says what the server has against it', async () => {
    const seeded = await console.connection('jane@example.org');
    await seeded.status(sql`state = 'needs-reauth'`);
    await page.goto(console.link);
    const card = page.getByRole('article', { name: 'jane@example.org' });
    await card.getByText('Needs a new password').waitFor();
    await card.getByRole('button', { name: 'Renew password' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('New password').fill('wrong');
    await page.keyboard.press('Enter');
    await dialog.getByText('refused the user name').waitFor();
    await dialog.getByLabel('New password').fill('right');
    await dialog.getByRole('button', { name: 'Sign in' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(verified.at(-1)).toMatchObject({ username: 'jane@example.org', password: 'right' });
    await card.getByText('Needs a new password').waitFor({ state: 'detached' });
  });

  it('says how many deletions are held, and confirms that many', async () => {
    const seeded = await console.connection('jane@example.org');
    await seeded.status(sql`state = 'confirm-deletions', deletions_held = 1234`);
    await page.goto(console.link);
    const card = page.getByRole('article', { name: 'jane@example.org' });
    await card.getByText('1,234 messages vanished at the server at once').waitFor();
    const confirmed = page.waitForRequest(/confirm-deletions\?count=1234$/);
    await card.getByRole('button', { name: 'Confirm deletions' }).click();
    expect((await (await confirmed).response())?.status()).toBe(202);
    // More are held while the answer is on its way: what was shown is not confirmed for them.
    await page.route(/confirm-deletions/, async (route) => {
      await seeded.status(sql`deletions_held = 2000`);
      await route.continue();
    });
    await card.getByRole('button', { name: 'Confirm deletions' }).click();
    await card.getByRole('alert').filter({ hasText: '2000 deletions are held now' }).waitFor();
  });

  it('tries an item that was left out again', async () => {
    const seeded = await console.connection('jane@example.org');
    const inbox = await writeFolder(seeded.store, ['INBOX'], { stored: 1, expected: 2 });
    await writeSkip(seeded.store, inbox, 17);
    await page.goto(console.link);
    const card = page.getByRole('article', { name: 'jane@example.org' });
    await card.getByText('Left out (1)').click();
    await card.getByRole('button', { name: 'Try again' }).click();
    await card.getByText('looked at again now').waitFor();
    const path = `/v1/connections/${seeded.id}/skips`;
    const { body } = await console.api.call('GET', path, { key: console.tenant.key });
    expect(body).toMatchObject({ data: [{ uid: 17, strikes: 0, quarantinedAt: null }] });
  });
});

describe('a console without a connection to the API', () => {
  it('tells where the link with the key is printed', async () => {
    await page.goto(console.url);
    await page.getByRole('heading', { name: 'Open the console with its link' }).waitFor();
    await page.getByText('This instance is for trying out').waitFor();
    expect(await page.locator('main').innerText()).toContain('npm start');
  });

  it('says so when the key is refused, and forgets it', async () => {
    await page.goto(`${console.url}/#key=stw_wrong&member=${console.member}`);
    await page.getByRole('heading', { name: 'The key does not fit' }).waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  });

  it('keeps what it has while the API is down, and goes on by itself', async () => {
    const seeded = await console.connection('jane@example.org');
    await page.goto(console.link);
    const card = page.getByRole('article', { name: 'jane@example.org' });
    await card.getByText('Connecting to the server').waitFor();
    await console.stop();
    await page.getByText(/Steward does not answer\. What you see is from \d\d:\d\d\./).waitFor();
    await page.getByText(/Trying again/).waitFor();
    expect(await card.isVisible()).toBe(true);

    await console.start();
    await page.getByText('Steward does not answer').waitFor({ state: 'hidden' });
    const { id } = seeded;
    await console.api.call('POST', `/v1/connections/${id}/pause`, { key: console.tenant.key });
    await card.getByText('Paused: nothing is fetched').waitFor();
  });
});
