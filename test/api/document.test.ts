import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeApi, renderDocument } from '../../api/openapi.ts';
import { createTestApi, type TestApi } from '../support/api.ts';

let api: TestApi;

beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api[Symbol.asyncDispose]());

describe('the OpenAPI document', () => {
  it('is the committed one (npm run openapi writes it anew)', () => {
    const file = new URL('../../api/openapi.json', import.meta.url);
    expect(renderDocument(describeApi(api.app))).toBe(readFileSync(file, 'utf8'));
  });

  it('is served, as version 3.1', async () => {
    const { body } = await api.call('GET', '/openapi.json');
    expect(body['openapi']).toBe('3.1.0');
    expect(Object.keys(body['paths'] as object)).toContain('/v1/messages/{id}/track');
  });

  it('has patterns that mean what they say where a document is read', () => {
    const document = JSON.stringify(describeApi(api.app));
    const patterns = [...document.matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(
      ([, text]) => JSON.parse(text!) as string,
    );
    expect(patterns.filter((pattern) => /\/[a-z]*$/.test(pattern))).toEqual([]);
    const lines = patterns.filter((pattern) => new RegExp(pattern, 'u').test('Grüße, 世界'));
    expect(lines.length).toBeGreaterThan(5);
  });

  it('says that a folder which is not there yet is null', () => {
    const { components } = describeApi(api.app) as unknown as {
      components: { schemas: Record<string, { properties: Record<string, unknown> }> };
    };
    expect(components.schemas['FolderChanging']?.properties['folder']).toMatchObject({
      anyOf: [{ $ref: '#/components/schemas/Folder' }, { type: 'null' }],
    });
  });

  it('describes every route that answers under /v1', () => {
    const served = api.app.routes
      .filter(({ path, method }) => path.startsWith('/v1/') && method !== 'ALL')
      .map(({ path, method }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    const { paths } = describeApi(api.app) as { paths: Record<string, object> };
    const described = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    for (const route of new Set(served)) expect(described).toContain(route);
  });
});

describe('pages', () => {
  const page = async (path: string) => await api.app.request(path);

  it('render the reference from our own files under a strict policy', async () => {
    const files = readdirSync(new URL('../../api/reference/', import.meta.url));
    const served = await Promise.all(files.map((name) => page(`/docs/${name}`)));
    expect(served.map(({ status }) => status)).toEqual(files.map(() => 200));
    const response = await page('/docs');
    const html = await response.text();
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/<script(?![^>]*src=)|\son\w+=|<style/);
    const policy = response.headers.get('Content-Security-Policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe');
  });

  it('serve the console', async () => {
    const response = await page('/');
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
  });

  it.each([
    '/console/..%2fmain.ts',
    '/console/%2e%2e%2fapp.ts',
    '/docs/..%2f..%2fpackage.json',
    '/console/.env',
    '/console/app.ts',
    '/docs/nothing.js',
  ])('serve nothing else: %s', async (path) => {
    expect((await page(path)).status).toBe(404);
  });
});
