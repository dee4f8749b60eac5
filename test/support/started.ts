import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Instance } from '../../runtime/embedded/instance.ts';
import { isAlive } from '../../runtime/supervise/pid.ts';
import { waitFor } from './wait-for.ts';

export interface Started {
  instance: Instance;
  process: ChildProcess;
  output(): string;
  /** Resolves to the exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals | null>;
}

const startTimeoutMs = 60_000;

/** A folder for instances that an unprivileged Postgres can enter; `remove` deletes it. */
export function createHomeFolder(): { home: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'steward-start-'));
  chmodSync(folder, 0o755);
  return {
    home: path.join(folder, 'home'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs `node start.ts` on a home of its own, on free ports. */
export function spawnStart(
  home: string,
  env: Record<string, string> = {},
): Omit<Started, 'instance'> {
  const child = spawn(process.execPath, ['start.ts'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      STEWARD_HOME: home,
      STEWARD_PORT: '0',
      STEWARD_POSTGRES_PORT: '0',
      STEWARD_TEMPORAL_PORT: '0',
      STEWARD_TEMPORAL_UI_PORT: '0',
      TEMPORAL_ADDRESS: '',
      ...env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += String(text);
    });
  }
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  return { process: child, output: () => output, ended };
}

/** Starts an instance and waits until it says where it is. */
export async function start(home: string, env?: Record<string, string>): Promise<Started> {
  const started = spawnStart(home, env);
  const file = path.join(home, 'instance.json');
  const pid = started.process.pid;
  const ready = () => {
    if (!existsSync(file)) return undefined;
    const read = JSON.parse(readFileSync(file, 'utf8')) as Instance;
    return read.pids['supervisor'] === pid ? read : undefined;
  };
  const failed = started.ended.then((how) => {
    throw new Error(`no start (${how}):\n${started.output()}`);
  });
  const waited = waitFor(ready, { timeoutMs: startTimeoutMs, what: 'instance.json' });
  const instance = await Promise.race([waited, failed]).catch((error: unknown) => {
    started.process.kill('SIGINT');
    // Which step it was at tells more than how long it took.
    throw new Error(`no start:\n${started.output()}`, { cause: error });
  });
  return { ...started, instance };
}

/** Which of an instance's processes run. */
export function aliveOf(instance: Instance): string[] {
  return Object.entries(instance.pids).flatMap(([name, pid]) => (isAlive(pid) ? [name] : []));
}
