import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';
import type { ApiEnv } from './context.ts';

/**
 * The peer's address, for counting wrong keys and never for a log. Forwarded headers are not
 * believed: anybody can write them. Requests without a socket (in tests) count as one peer.
 */
export function remoteAddress(c: Context<ApiEnv>): string {
  const env = c.env as { incoming?: unknown } | undefined;
  return env?.incoming === undefined ? 'local' : (getConnInfo(c).remote.address ?? 'unknown');
}
