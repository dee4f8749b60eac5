import type { ApiApp } from './route-parts.ts';

/** The API as an OpenAPI 3.1 document, generated from the routes that answer. */
export function describeApi(app: ApiApp) {
  const { openAPIRegistry: registry } = app;
  registry.registerComponent('securitySchemes', 'tenantKey', {
    type: 'http',
    scheme: 'bearer',
    description:
      'API key of a tenant: stw_…, or a member’s token from /v1/member-tokens: mt_…. It needs the ' +
      'scope that the route names, or the answer is 403 scope-missing.',
  });
  registry.registerComponent('securitySchemes', 'operatorKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'Key of an operator, for /v1/admin only: op_…',
  });
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Steward',
      version: '1',
      description:
        'A durable sync engine that a CRM runs beside itself. Lists take limit and cursor and ' +
        'answer {data, nextCursor}; errors are application/problem+json with a stable code; ' +
        'another tenant’s id is a 404; times are RFC 3339 in UTC.',
    },
    servers: [{ url: '/' }],
  });
}

/** The document as it is committed. */
export function renderDocument(document: ReturnType<typeof describeApi>): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
