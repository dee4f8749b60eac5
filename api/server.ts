import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { secondMs } from '../domain/clock.ts';
import { Problem } from '../runtime/problem.ts';
import { createApi } from './app.ts';
import type { ApiDeps } from './deps.ts';

/** Headers that trickle in keep a socket; nobody honest needs longer. */
const headersTimeoutMs = 10 * secondMs;
/** The longest body is 256 KB. */
const requestTimeoutMs = 30 * secondMs;
/** Longer than the idle time of common load balancers, so that they close first. */
const keepAliveTimeoutMs = 75 * secondMs;
/** While it drains, connections whose answer has ended are looked for so often. */
const drainSweepMs = 50;
/** How long running requests may finish after a stop was asked for. */
const drainMs = 10 * secondMs;

export interface ApiServer extends AsyncDisposable {
  /** Listens, and returns where. */
  start(): Promise<{ url: string }>;
}

/** The API behind a socket. Disposal drains: no new request, streams end, running ones finish. */
export function createApiServer(
  deps: ApiDeps,
  { host, port }: { host: string; port: number },
): ApiServer {
  const closing = new AbortController();
  const app = createApi(deps, closing.signal);
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
    },
  });
  return {
    start: async () => {
      try {
        server.listen(port, host);
        await once(server, 'listening');
      } catch (error) {
        throw listenProblem(error, host, port);
      }
      const { port: bound } = server.address() as AddressInfo;
      return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}` };
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      // It closes what is idle now; a stream that ends in a moment leaves an idle connection behind.
      const sweep = setInterval(() => {
        if ('closeIdleConnections' in server) server.closeIdleConnections();
      }, drainSweepMs);
      const cut = setTimeout(() => {
        if ('closeAllConnections' in server) server.closeAllConnections();
      }, drainMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(cut);
    },
  };
}

/** What a person can mend about the address; anything else stays as it is. */
function listenProblem(error: unknown, host: string, port: number): unknown {
  const code = String((error as NodeJS.ErrnoException).code);
  const remedies: Record<string, string> = {
    EADDRINUSE: 'Stop what listens there, or choose another port: STEWARD_PORT=<port>.',
    EACCES: 'Choose a port from 1024 on, STEWARD_PORT=<port>, or permit this one to the process.',
    EADDRNOTAVAIL: 'Set STEWARD_HOST to an address of this machine; 0.0.0.0 means all of them.',
    ENOTFOUND: 'Set STEWARD_HOST to an address of this machine; 0.0.0.0 means all of them.',
  };
  const remedy = remedies[code];
  if (remedy === undefined) return error;
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Problem(`The API cannot listen at ${where} (${code}).`, remedy, { cause: error });
}
