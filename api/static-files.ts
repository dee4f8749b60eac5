import { readFile } from 'node:fs/promises';
import type { Context } from 'hono';
import type { ApiEnv } from './context.ts';
import { notFound } from './problem.ts';

const types: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Plain names only: no folder, no dot file, nothing to climb with. */
const plainName = /^[a-z0-9][a-z0-9-]*\.([a-z]+)$/;

/** Serves one file of a folder of ours. @throws HttpProblem `not-found` */
export async function serveFile(c: Context<ApiEnv>, folder: URL, name: string): Promise<Response> {
  const type = types[plainName.exec(name)?.[1] ?? ''];
  if (type === undefined) throw notFound('There is no such page.');
  const content = await readOrNothing(new URL(name, folder));
  if (content === undefined) throw notFound('There is no such page.');
  c.header('Content-Type', type);
  c.header('Cache-Control', 'no-cache');
  return c.body(content, 200);
}

async function readOrNothing(file: URL): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return Uint8Array.from(await readFile(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
