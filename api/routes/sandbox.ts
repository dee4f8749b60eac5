import { createRoute, z } from '@hono/zod-openapi';
import type { ApiDeps, SandboxOptions } from '../deps.ts';
import { type ApiApp, json } from '../route-parts.ts';

const sandbox = z
  .object({
    sandbox: z.boolean(),
    sample: z
      .object({
        host: z.string(),
        port: z.int(),
        security: z.literal('none'),
        username: z.string(),
        password: z.string(),
      })
      .nullable()
      .openapi({ description: 'A mailbox to try out, as POST /v1/connections takes it.' }),
  })
  .openapi('Sandbox');

const sandboxRoute = createRoute({
  method: 'get',
  path: '/v1/sandbox',
  summary: 'Whether the instance is a sandbox, and its sample mailbox',
  description: 'Needs no key. The sample mailbox listens on the instance’s own machine only.',
  tags: ['Operation'],
  responses: { 200: json(sandbox, 'What pages show of it') },
});

/** Goes before the routes that ask for a key: the banner is for everybody. */
export function addSandboxRoutes(app: ApiApp, { options }: ApiDeps): void {
  app.openapi(sandboxRoute, (c) => c.json(viewSandbox(options.sandbox), 200));
}

function viewSandbox(options: SandboxOptions | undefined): z.infer<typeof sandbox> {
  if (!options) return { sandbox: false, sample: null };
  const { sample } = options;
  return { sandbox: true, sample: sample ? { ...sample, security: 'none' } : null };
}
