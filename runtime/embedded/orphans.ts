import path from 'node:path';
import { stopOrphan } from '../supervise/pid-file.ts';
import type { Home } from './home.ts';

/** In the order of a stop: first who uses the others. */
const services: readonly (readonly [name: string, signal: NodeJS.Signals])[] = [
  ['api', 'SIGTERM'],
  ['worker', 'SIGTERM'],
  ['sample-mailbox', 'SIGTERM'],
  ['temporal', 'SIGTERM'],
  ['postgres', 'SIGINT'],
];

/** Stops the services that a killed supervisor of this folder left running. */
export async function stopOrphans({ stateDir }: Home): Promise<void> {
  for (const [name, signal] of services) {
    await stopOrphan(path.join(stateDir, `${name}.pid`), signal);
  }
}
