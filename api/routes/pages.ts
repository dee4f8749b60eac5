import type { ApiApp } from '../route-parts.ts';
import { serveFile } from '../static-files.ts';

const folder = new URL('../console/', import.meta.url);

/** The console: static files that know nothing but the public API. */
export function addPageRoutes(app: ApiApp): void {
  app.get('/', (c) => serveFile(c, folder, 'index.html'));
  app.get('/console/:file', (c) => serveFile(c, folder, c.req.param('file')));
}
