import { ApiProblem } from './client.js';
import { createBackoff, pause } from './backoff.js';

/** The server sends something at least this often (a comment when nothing moved). */
const silenceMaxMs = 45_000;

/**
 * Follows `GET /v1/connections/{id}/events` until the signal fires, and reconnects by itself.
 * `EventSource` cannot send headers, so the stream is read by `fetch`, the key in its header.
 * Ends without a word when the connection is gone or the key no longer fits: the list says why.
 */
export async function followEvents(client, connectionId, { onEvent, onLost, signal }) {
  const backoff = createBackoff();
  while (!signal.aborted) {
    const attempt = new AbortController();
    const watchdog = createWatchdog(silenceMaxMs, () => attempt.abort());
    try {
      const path = `/v1/connections/${encodeURIComponent(connectionId)}/events`;
      const response = await client.open('GET', path, {
        accept: 'text/event-stream',
        signal: AbortSignal.any([signal, attempt.signal]),
      });
      await readEvents(
        response.body,
        (event) => {
          backoff.reset();
          onEvent(event);
        },
        watchdog.touch,
      );
    } catch (error) {
      if (error instanceof ApiProblem && error.status < 500 && error.status !== 429) return;
      // Cut or silent: the next round asks again.
    } finally {
      watchdog.stop();
      attempt.abort();
    }
    if (!signal.aborted) onLost();
    await pause(backoff.nextDelayMs(), signal);
  }
}

async function readEvents(body, onEvent, touch) {
  const parser = createEventParser(onEvent);
  const decoder = new TextDecoder();
  for (const reader = body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return;
    touch();
    parser.push(decoder.decode(value, { stream: true }));
  }
}

/** The event stream format of the HTML standard: `event`, `data`, comments, any line ending. */
export function createEventParser(onEvent) {
  let rest = '';
  let type = 'message';
  let data = [];
  const takeLine = (line) => {
    if (line === '') {
      if (data.length > 0) onEvent({ type, data: data.join('\n') });
      type = 'message';
      data = [];
      return;
    }
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === 'event') type = value;
    if (name === 'data') data.push(value);
  };
  return {
    push(text) {
      rest += text;
      // A carriage return at the end may be half of a pair.
      const ready = rest.endsWith('\r') ? rest.slice(0, -1) : rest;
      const lines = ready.split(/\r\n|\n|\r/);
      rest = lines.pop() + rest.slice(ready.length);
      for (const line of lines) takeLine(line);
    },
  };
}

function createWatchdog(limitMs, onSilence) {
  let timer = setTimeout(onSilence, limitMs);
  return {
    touch: () => {
      clearTimeout(timer);
      timer = setTimeout(onSilence, limitMs);
    },
    stop: () => clearTimeout(timer),
  };
}
