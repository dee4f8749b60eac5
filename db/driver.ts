import { realpathSync } from 'node:fs';
import { findPackageJSON, registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type Driver from 'postgres';
import { mendedConnection } from './driver-repair.ts';

/**
 * The driver, mended as it is loaded (decision 59): its connections leave state standing of the one that
 * was lost. It is a second instance of the package's modules, under names of its own, so that it does
 * not matter who else has loaded the first.
 */
const packageFolder = path.dirname(findPackageJSON('postgres', import.meta.url) ?? '');
/** As Node names the modules: where links lead to. */
const modules = `${pathToFileURL(realpathSync(path.join(packageFolder, 'src'))).href}/`;
const mark = '?mended';

const hook = registerHooks({
  resolve(specifier, context, nextResolve) {
    const found = nextResolve(specifier, context);
    const isPlain = found.url.startsWith(modules) && !found.url.endsWith(mark);
    return isPlain ? { ...found, url: found.url + mark } : found;
  },
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (url !== `${modules}connection.js${mark}`) return loaded;
    const { source } = loaded;
    const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
    return { ...loaded, source: mendedConnection(text) };
  },
});

const driver = (await import(`${modules}index.js${mark}`)) as { default: typeof Driver };
hook.deregister();

const connection = (await import(`${modules}connection.js${mark}`)) as { mended?: boolean };
if (!connection.mended) throw new Error('The database driver was loaded without being mended.');

export const postgres = driver.default;
