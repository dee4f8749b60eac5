import { createRoute, z } from '@hono/zod-openapi';
import type { ApiMetrics, SyncTotals } from '../metrics.ts';
import type { ApiApp } from '../route-parts.ts';

const metricsRoute = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'Prometheus metrics of this process and sums over all connections',
  tags: ['Operation'],
  responses: {
    200: {
      description: 'Text for Prometheus',
      content: { 'text/plain': { schema: z.string() } },
    },
  },
});

export function addMetricsRoutes(
  app: ApiApp,
  metrics: ApiMetrics,
  readTotals: () => Promise<SyncTotals>,
): void {
  app.openapi(metricsRoute, async (c) => {
    const { body, contentType } = await metrics.render(await readTotals());
    return c.text(body, 200, { 'Content-Type': contentType });
  });
}
