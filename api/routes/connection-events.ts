import { createRoute, z } from '@hono/zod-openapi';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { hourMs, secondMs } from '../../domain/clock.ts';
import { missingScopes } from '../../domain/scope.ts';
import { tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { HttpProblem } from '../problem.ts';
import { readConnectionView } from '../read-connection.ts';
import { type ApiApp, problems, tenantKey } from '../route-parts.ts';
import type { ConnectionView } from '../schemas/connections.ts';

/** Progress moves page by page; looking more often would show nothing new. */
const pollMs = secondMs;
/** Proxies close a silent connection after 30 to 60 s; a client that is gone is noticed by then. */
const heartbeatMs = 15 * secondMs;
/** A forgotten browser tab must not poll for ever; the client opens another stream. */
const streamMaxMs = hourMs;
/** Each open stream costs one small query a second. */
const streamsPerTenantMax = 50;

const scope = 'connections:read';

const eventHeaders = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' };

const eventsRoute = createRoute({
  method: 'get',
  path: '/v1/connections/{id}/events',
  summary: 'Progress and state as server-sent events',
  description:
    'Event `connection` with the connection as JSON, first at once and then whenever it changed; ' +
    'a comment every 15 s. Ends after `disconnected`, after an hour, and when the key or token that ' +
    'opened it stands no longer.',
  tags: ['Connections'],
  security: tenantKey(scope),
  request: { params: idParams('connection') },
  responses: {
    200: {
      description: 'A stream of events',
      content: { 'text/event-stream': { schema: z.string() } },
    },
    ...problems,
  },
});

/** `closing` ends the streams when the process drains. */
export function addConnectionEventRoutes(app: ApiApp, deps: ApiDeps, closing: AbortSignal): void {
  const slots = createSlots();

  app.openapi(eventsRoute, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const id = requireId('connection', c.req.param('id'));
    const first = await readConnectionView(deps, principal, id);
    const standing = c.get('reauthenticate');
    if (!standing) throw new Error('The route is not behind authentication.');
    // Nobody reads what answers HEAD: a stream behind it would wait for that, and keep its slot.
    if (c.req.raw.method === 'HEAD') return c.body(null, 200, eventHeaders);
    slots.take(tenantId);
    return streamSSE(c, async (stream) => {
      const ended = new AbortController();
      stream.onAbort(() => ended.abort());
      const stop = AbortSignal.any([ended.signal, closing, AbortSignal.timeout(streamMaxMs)]);
      try {
        await follow({ stream, stop }, first, {
          look: () => readConnectionView(deps, principal, id),
          lookAgain: async () => {
            const fresh = await standing();
            const may =
              fresh?.kind === 'tenant' && missingScopes(fresh.scopes, [scope]).length === 0;
            return may ? await readConnectionView(deps, fresh, id) : undefined;
          },
        });
      } catch (error) {
        deps.log.error({ err: error, requestId: c.get('requestId') }, 'event stream failed');
      } finally {
        slots.give(tenantId);
      }
    });
  });
}

interface Sending {
  stream: SSEStreamingApi;
  stop: AbortSignal;
}

interface Looks {
  /** Through the eyes of whoever opened the stream. */
  look(): Promise<ConnectionView>;
  /** Through those that they have now; undefined when they may not look any more. */
  lookAgain(): Promise<ConnectionView | undefined>;
}

/**
 * Sends each view that differs from the one before, until `stop`, the connection's end, or the end of
 * the right to see it: nothing is written, not even that all is as it was, before that is asked anew.
 */
async function follow(
  sending: Sending,
  first: ConnectionView,
  { look, lookAgain }: Looks,
): Promise<void> {
  const { stream, stop } = sending;
  let view = first;
  let sent = '';
  let sentAtMs = 0;
  while (!stop.aborted) {
    if (JSON.stringify(view) !== sent || Date.now() - sentAtMs >= heartbeatMs) {
      const now = await lookAgain();
      if (!now) return;
      view = now;
      const data = JSON.stringify(view);
      const event = { event: 'connection', data };
      await written(
        sending,
        data === sent ? stream.write(': still here\n\n') : stream.writeSSE(event),
      );
      [sent, sentAtMs] = [data, Date.now()];
    }
    if (view.state === 'disconnected') return;
    if (!(await pause(stop))) return;
    view = await look();
  }
}

/** Waits until the client has taken it. One that reads no more is not waited for beyond `stop`. */
async function written({ stream, stop }: Sending, writing: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const stopped = once(stop, 'abort', { signal: over.signal }).then(
    () => 'stopped',
    () => 'over',
  );
  const result = stop.aborted ? 'stopped' : await Promise.race([writing, stopped]);
  over.abort();
  if (result === 'stopped') stream.abort();
}

interface Slots {
  /** @throws HttpProblem `rate-limited` */
  take(tenantId: string): void;
  give(tenantId: string): void;
}

function createSlots(): Slots {
  const open = new Map<string, number>();
  return {
    take: (tenantId) => {
      const streams = open.get(tenantId) ?? 0;
      if (streams >= streamsPerTenantMax) {
        throw new HttpProblem(
          'rate-limited',
          `Close one of the ${streamsPerTenantMax} streams that this tenant has open.`,
          { retryAfterSeconds: heartbeatMs / secondMs },
        );
      }
      open.set(tenantId, streams + 1);
    },
    give: (tenantId) => {
      const left = (open.get(tenantId) ?? 1) - 1;
      if (left > 0) open.set(tenantId, left);
      else open.delete(tenantId);
    },
  };
}

/** Waits for the next look. False: the stream is over. */
async function pause(stop: AbortSignal): Promise<boolean> {
  try {
    await sleep(pollMs, undefined, { signal: stop });
    return true;
  } catch {
    // Only the signal ends the wait early.
    return false;
  }
}
