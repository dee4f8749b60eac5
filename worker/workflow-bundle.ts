import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The bundle with its source map is about 2 MB. */
const bundleBytesMax = 64 * 1_024 * 1_024;

/**
 * The workflow code as one text, bundled in a process of its own: the bundler takes 100 MB and more, which a
 * worker that had bundled by itself would hold for the rest of its life.
 */
export async function bundleWorkflows(): Promise<string> {
  const bundler = fileURLToPath(new URL('./bundler.ts', import.meta.url));
  const { stdout } = await run(process.execPath, [bundler], { maxBuffer: bundleBytesMax });
  return stdout;
}
