import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

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
