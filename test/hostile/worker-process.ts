import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { workerMemory } from '../../runtime/worker-memory.ts';
import type { TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';
import { createNamespace } from '../support/worker.ts';

/** The worker as operators run it, in a process of its own. */
export interface WorkerProcess {
  client: Client;
  /** The most that the process has held since it was asked before, in bytes; Linux alone says. */
  takePeak(): number;
  isAlive(): boolean;
  output(): string;
  stop(): Promise<void>;
}

const startedWithinMs = 60_000;

export async function startWorkerProcess(
  base: TestDatabase,
  rootKey: Buffer,
): Promise<WorkerProcess> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const namespace = `test-${randomUUID().slice(0, 8)}`;
  await createNamespace(connection, namespace);
  const child = spawn(process.execPath, [...workerMemory.nodeFlags, 'worker/main.ts'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...workerMemory.environment,
      PATH: process.env['PATH'],
      DATABASE_URL: base.appUrl,
      KEYS_DATABASE_URL: base.keysUrl,
      STEWARD_ROOT_KEY: rootKey.toString('hex'),
      STEWARD_SANDBOX: 'true',
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: namespace,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => (output += String(text)));
  }
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  const runs = () => {
    if (isAlive()) return output.includes('worker runs');
    throw new Error(`The worker ended:\n${output}`);
  };
  await waitFor(runs, { what: 'the worker', timeoutMs: startedWithinMs });
  return {
    client: new Client({ connection, namespace }),
    takePeak: () => takePeakOf(child),
    isAlive,
    output: () => output,
    stop: async () => {
      if (isAlive()) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      await connection.close();
    },
  };
}

/** VmHWM, the high-water mark of resident memory; 5 sets it back to the present (proc(5)). */
function takePeakOf({ pid }: ChildProcess): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  return Number(kib) * 1024;
}
