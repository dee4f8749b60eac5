import { ApiProblem, createClient, isOutage } from './client.js';
import { createBackoff, pause } from './backoff.js';
import { createConnectPanel } from './connect-panel.js';
import { createConnectionList } from './connection-list.js';
import { createKeyPanel } from './key-panel.js';
import { createLayout } from './layout.js';
import { createMessageList } from './message-list.js';
import { createOutage } from './outage.js';
import { readSandbox } from './sandbox.js';
import { forgetSession, readSession } from './session.js';

/** Streams carry the moving parts; the list is for what begins, ends or has no stream. */
const listIntervalMs = 10_000;
const tickIntervalMs = 1_000;

/** Answers that no retry mends: the session is not, or no longer, anybody's. */
const keyCodes = new Set(['unauthorized', 'unknown-member', 'member-required']);

const main = document.getElementById('main');

/** A link with another key in it, opened in this tab, starts anew. */
addEventListener('hashchange', () => {
  if (location.hash.includes('key=')) location.reload();
});

const session = readSession();
if (session) void run(session);
else showKeyPanel({ refused: false });

function showKeyPanel(options) {
  // Without an answer there is no banner; the panel is of use all the same.
  readSandbox(createClient()).catch((error) => console.warn(error.message));
  main.replaceChildren(createKeyPanel(options));
}

async function run(current) {
  const client = createClient(current);
  const outage = createOutage(document.getElementById('outage'));
  const stopping = new AbortController();
  const backoff = createBackoff();
  let wake = new AbortController();

  const fail = (error) => {
    if (!(error instanceof ApiProblem) || !keyCodes.has(error.code)) return;
    stopping.abort();
    connections.stop();
    forgetSession();
    showKeyPanel({ refused: true });
  };
  const messages = createMessageList(client, { onError: fail });
  const connections = createConnectionList(client, {
    onChanged: () => connections.load(),
    onMoved: messages.refresh,
    // A broken stream is the first sign of an outage: the list finds out at once.
    onLost: () => {
      if (!outage.lasts()) wake.abort();
    },
  });
  const layout = createLayout(connections, messages);
  const panel = createConnectPanel(client, current, {
    onConnected: async () => layout.showCount(await connections.load()),
  });
  layout.place(panel);
  main.replaceChildren(layout.element);

  const ticking = setInterval(() => {
    const nowMs = Date.now();
    connections.tick(nowMs);
    outage.tick(nowMs);
  }, tickIntervalMs);
  const retryNow = () => wake.abort();
  addEventListener('online', retryNow);

  while (!stopping.signal.aborted) {
    let delayMs = listIntervalMs;
    try {
      await panel.prepare();
      layout.showCount(await connections.load());
      backoff.reset();
      outage.end();
    } catch (error) {
      fail(error);
      if (!isOutage(error)) layout.showProblem(error);
      delayMs = backoff.nextDelayMs();
      if (error.retryAfterSeconds) delayMs = Math.max(delayMs, error.retryAfterSeconds * 1_000);
      if (isOutage(error)) outage.begin(delayMs);
    }
    wake = new AbortController();
    await pause(delayMs, AbortSignal.any([stopping.signal, wake.signal]));
  }
  clearInterval(ticking);
  removeEventListener('online', retryNow);
}
