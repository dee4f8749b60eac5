import { createRoute, z } from '@hono/zod-openapi';
import { assertAppRole } from '../../db/roles.ts';
import type { ApiDeps } from '../deps.ts';
import { type ApiApp, json } from '../route-parts.ts';

const tags = ['Operation'];
const check = z.enum(['ok', 'failed']);
const readiness = z
  .object({ status: check, database: check, temporal: check })
  .openapi('Readiness');

const liveRoute = createRoute({
  method: 'get',
  path: '/health/live',
  summary: 'The process answers',
  tags,
  responses: { 200: json(z.object({ status: z.literal('ok') }), 'It does') },
});

const readyRoute = createRoute({
  method: 'get',
  path: '/health/ready',
  summary: 'Database (under the right role) and Temporal answer',
  tags,
  responses: { 200: json(readiness, 'Ready'), 503: json(readiness, 'Not ready') },
});

export function addHealthRoutes(app: ApiApp, { database, workflows, log }: ApiDeps): void {
  app.openapi(liveRoute, (c) => c.json({ status: 'ok' as const }, 200));

  app.openapi(readyRoute, async (c) => {
    const probe = async (what: string, look: () => Promise<void>) => {
      try {
        await look();
        return 'ok' as const;
      } catch (error) {
        log.warn({ err: error, step: what }, 'not ready');
        return 'failed' as const;
      }
    };
    const [db, temporal] = await Promise.all([
      probe('database', () => assertAppRole(database)),
      probe('temporal', () => workflows.check()),
    ]);
    const ready = db === 'ok' && temporal === 'ok';
    const facts = { status: ready ? ('ok' as const) : ('failed' as const), database: db, temporal };
    return ready ? c.json(facts, 200) : c.json(facts, 503);
  });
}
