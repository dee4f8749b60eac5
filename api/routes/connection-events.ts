import { createRoute, z } from '@hono/zod-openapi';
import { streamSSE } from 'hono/streaming';
import { setTimeout as sleep } from 'node:timers/promises';
import { hourMs, secondMs } from '../../domain/clock.ts';
import { tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { HttpProblem } from '../problem.ts';
import { readConnectionView } from '../read-connection.ts';
import { type ApiApp, problems, tenantKey } from '../route-parts.ts';

/** Progress moves page by page; looking more often would show nothing new. */
const pollMs = secondMs;
/** Proxies close a silent connection after 30 to 60 s. */
const heartbeatMs = 15 * secondMs;
/** A forgotten browser tab must not poll for ever; the client opens another stream. */
const streamMaxMs = hourMs;
/** Each open stream costs one small query a second. */
const streamsPerTenantMax = 50;

const eventsRoute = createRoute({
  method: 'get',
  path: '/v1/connections/{id}/events',
  summary: 'Progress and state as server-sent events',
  description:
    'Event `connection` with the connection as JSON, first at once and then whenever it changed; ' +
    'a comment every 15 s; ends after `disconnected`.',
  tags: ['Connections'],
  security: tenantKey('connections:read'),
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
  const open = new Map<string, number>();

  app.openapi(eventsRoute, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const id = requireId('connection', c.req.param('id'));
    const first = await readConnectionView(deps, principal, id);
    const streams = open.get(tenantId) ?? 0;
    if (streams >= streamsPerTenantMax) {
      throw new HttpProblem(
        'rate-limited',
        `Close one of the ${streamsPerTenantMax} streams that this tenant has open.`,
      );
    }
    open.set(tenantId, streams + 1);
    return streamSSE(c, async (stream) => {
      const ended = new AbortController();
      stream.onAbort(() => ended.abort());
      const stop = AbortSignal.any([ended.signal, closing, AbortSignal.timeout(streamMaxMs)]);
      try {
        let view = first;
        let sent = '';
        let sentAtMs = 0;
        while (!stop.aborted) {
          const data = JSON.stringify(view);
          if (data !== sent) {
            await stream.writeSSE({ event: 'connection', data });
            [sent, sentAtMs] = [data, Date.now()];
          } else if (Date.now() - sentAtMs >= heartbeatMs) {
            await stream.write(': still here\n\n');
            sentAtMs = Date.now();
          }
          if (view.state === 'disconnected') return;
          if (!(await pause(stop))) return;
          view = await readConnectionView(deps, principal, id);
        }
      } finally {
        const left = (open.get(tenantId) ?? 1) - 1;
        if (left > 0) open.set(tenantId, left);
        else open.delete(tenantId);
      }
    });
  });
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
