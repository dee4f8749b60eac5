import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { findProgram } from './programs.ts';

/** Nothing but the pages under test: no updates, no telemetry, no second process for a GPU. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The machine's own Chromium. @throws when none is installed, naming the remedy. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = findProgram('chromium', 'chromium-browser', 'google-chrome');
  if (executablePath === undefined) {
    throw new Error('The tests need Chromium. Remedy: sudo apt-get install chromium');
  }
  return await chromium.launch({ executablePath, args: flags });
}

/** A page in a profile of its own, with everything that it complained about or asked for. */
export interface WatchedPage {
  page: Page;
  /** Errors on the console, uncaught exceptions and refusals of the content security policy. */
  complaints: string[];
  /** URLs of all requests. */
  requests: string[];
}

export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  return { page, complaints, requests };
}
