import { describeApi } from '../openapi.ts';
import type { ApiApp } from '../route-parts.ts';
import { serveFile } from '../static-files.ts';

const folder = new URL('../reference/', import.meta.url);

/** The OpenAPI document, and a page that renders it. */
export function addDocsRoutes(app: ApiApp): void {
  let document: ReturnType<typeof describeApi> | undefined;
  app.get('/openapi.json', (c) => {
    document ??= describeApi(app);
    return c.json(document);
  });
  app.get('/docs', (c) => serveFile(c, folder, 'index.html'));
  app.get('/docs/:file', (c) => serveFile(c, folder, c.req.param('file')));
}
