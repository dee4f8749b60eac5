import { realpathSync } from 'node:fs';
import { findPackageJSON, registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { mendedConnection } from './driver-repair.ts';

/**
 * The driver, mended as it is loaded (decision 59): its connections leave state standing of the one that
 * was lost. Everybody who opens connections imports it from here, so that nobody loads it unmended.
 */
const packageFolder = path.dirname(findPackageJSON('postgres', import.meta.url) ?? '');
/** As Node names the module: where links lead to. */
const connectionUrl = pathToFileURL(
  realpathSync(path.join(packageFolder, 'src/connection.js')),
).href;

const hook = registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (url !== connectionUrl) return loaded;
    const { source } = loaded;
    const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
    return { ...loaded, source: mendedConnection(text) };
  },
});

export const { default: postgres } = await import('postgres');
export const { drizzle } = await import('drizzle-orm/postgres-js');
hook.deregister();

const { mended } = (await import(connectionUrl)) as { mended?: boolean };
if (!mended) {
  throw new Error(
    'The database driver was loaded before db/driver.ts could mend it. ' +
      "Import 'postgres' and 'drizzle-orm/postgres-js' from there, but for their types.",
  );
}
