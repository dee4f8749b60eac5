import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { isAlive } from '../../runtime/supervise/pid.ts';
import { waitFor } from '../support/wait-for.ts';

/** A second or two, on a machine that runs other tests besides. */
const interruptedMsMax = 6_000;

/** A project with one package, whose npm is a script of the test. */
describe('the bootstrap', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'steward-bootstrap-'));
  afterAll(() => rmSync(root, { recursive: true }));
  let project = '';

  beforeEach(() => {
    project = mkdtempSync(path.join(root, 'project-'));
    for (const folder of ['runtime', 'bin']) mkdirSync(path.join(project, folder));
    copyFileSync('runtime/bootstrap.mjs', path.join(project, 'runtime/bootstrap.mjs'));
    write('package-lock.json', lock('1.0.0'));
    write('script.js', 'console.log("ran", ...process.argv.slice(2)); process.exit(7);');
    mkdirSync(path.join(project, 'node_modules/node/bin'), { recursive: true });
    symlinkSync(process.execPath, path.join(project, 'node_modules/node/bin/node'));
  });

  function lock(version: string): string {
    const packages = {
      '': {},
      'node_modules/a': { version },
      'node_modules/b': { optional: true },
    };
    return JSON.stringify({ packages });
  }

  function write(file: string, text: string): void {
    writeFileSync(path.join(project, file), text);
  }

  function commandOf(...rest: string[]): string[] {
    return [path.join(project, 'runtime/bootstrap.mjs'), 'script.js', ...rest];
  }

  function run(npm: string): { status: number | null; output: string } {
    write('bin/npm', `#!${process.execPath}\n${npm}`);
    chmodSync(path.join(project, 'bin/npm'), 0o755);
    const env = { ...process.env, PATH: path.join(project, 'bin') };
    const { status, stdout, stderr } = spawnSync(process.execPath, commandOf('x', 'y'), {
      env,
      encoding: 'utf8',
    });
    return { status, output: stdout + stderr };
  }

  const leftovers = () => readdirSync(project).filter((name) => name.startsWith('.install'));

  const forbidden = 'console.error("npm was called"); process.exit(1);';
  const installed = JSON.stringify(lock('1.0.0'));
  const installing = `require('node:fs').writeFileSync('node_modules/.package-lock.json', ${installed});`;
  const idle = `${installing} if (process.argv[2] !== 'ci') process.exit(1);`;

  test('runs the script at once when everything is installed', () => {
    write('node_modules/.package-lock.json', lock('1.0.0'));
    expect(run(forbidden)).toEqual({ status: 7, output: 'ran x y\n' });
  });

  test('installs when nothing is', () => {
    const { status, output } = run(idle);
    expect(output).toMatch(
      /^Installing packages \(all packages .*\nInstalled in \d+ s\.\nran x y\n$/,
    );
    expect(status).toBe(7);
  });

  test('installs when a package has another version than the lock file says', () => {
    write('node_modules/.package-lock.json', lock('0.9.0'));
    expect(run(idle).output).toContain('Installing packages (a missing or stale)');
  });

  test('says why npm failed, and what to do', () => {
    const { status, output } = run('console.error("ENOSPC: no space left"); process.exit(1);');
    expect(status).toBe(1);
    expect(output).toContain('ENOSPC: no space left');
    expect(output).toContain('Remedy: ');
    expect(output).not.toContain('ran');
    expect(run(idle).status).toBe(7);
  });

  /** Starts with an npm that stays, and waits until it does. */
  async function installs(npm = '') {
    write(
      'bin/npm',
      `#!${process.execPath}\n${npm}\nrequire('fs').writeFileSync('npm.pid', String(process.pid));
      setInterval(() => {}, 1000);`,
    );
    chmodSync(path.join(project, 'bin/npm'), 0o755);
    const env = { ...process.env, PATH: path.join(project, 'bin') };
    const child = spawn(process.execPath, commandOf(), { env, detached: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => (output += String(text)));
    }
    const exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(code ?? signal));
    });
    const file = path.join(project, 'npm.pid');
    const npmPid = Number(await waitFor(() => existsSync(file) && readFileSync(file, 'utf8')));
    return { pid: child.pid ?? 0, npmPid, exit, output: () => output };
  }

  test('goes on by itself after an install that was killed', async () => {
    const first = await installs();
    process.kill(-first.pid, 'SIGKILL');
    await first.exit;
    expect(run(idle).status).toBe(7);
    expect(leftovers()).toEqual([]);
  });

  test('stops the npm that outlived its install', async () => {
    const first = await installs();
    process.kill(first.pid, 'SIGKILL');
    await first.exit;
    expect(isAlive(first.npmPid)).toBe(true);
    expect(run(idle).status).toBe(7);
    await waitFor(() => !isAlive(first.npmPid));
  });

  test('leaves an install that runs alone, and names it', async () => {
    const first = await installs();
    const second = run(idle);
    expect(second.status).toBe(1);
    expect(second.output).toContain(`Another install runs in this folder (process ${first.pid}).`);
    expect(isAlive(first.npmPid)).toBe(true);
    process.kill(-first.pid, 'SIGKILL');
    await first.exit;
  });

  test('takes over the lock of an earlier version', () => {
    mkdirSync(path.join(project, '.install-lock'));
    expect(run(idle).status).toBe(7);
    expect(leftovers()).toEqual([]);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s during an install ends it soon, even if npm will not', async (signal, code) => {
    const stubborn = 'for (const s of ["SIGINT", "SIGTERM"]) process.on(s, () => {});';
    const first = await installs(stubborn);
    const asked = performance.now();
    process.kill(-first.pid, signal);
    expect(await first.exit).toBe(code);
    expect(performance.now() - asked).toBeLessThan(interruptedMsMax);
    expect(first.output()).toContain('Interrupted; run the same command again.');
    expect(first.output()).not.toContain('Remedy');
    await waitFor(() => !isAlive(first.npmPid));
    expect(leftovers()).toEqual([]);
  });

  test('passes a signal on and ends with the code of the script', async () => {
    write('node_modules/.package-lock.json', lock('1.0.0'));
    write(
      'script.js',
      'process.on("SIGINT", () => process.exit(3)); setInterval(() => {}, 1000); console.log("up");',
    );
    const child = spawn(process.execPath, commandOf(), { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => child.kill('SIGINT'));
    const code = await new Promise((resolve) => void child.once('exit', resolve));
    expect(code).toBe(3);
  });
});
