import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { childEnv } from '../env.ts';
import { parseProblem } from '../problem.ts';
import { type ServiceProcess, spawnService } from '../supervise/process.ts';
import type { Home } from './home.ts';

export interface NodeService {
  name: string;
  /** The script, and the arguments that it knows. */
  script: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string | undefined>>;
}

/** Scripts are named from here, wherever the supervisor was started. */
const project = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Starts a script of ours under this Node. Its last argument tells whose it is. */
export function startNodeService(home: Home, service: NodeService): Promise<ServiceProcess> {
  const { name, script, args = [], env = {} } = service;
  const marker = `--instance=${home.folder}`;
  return spawnService({
    name,
    command: process.execPath,
    args: [path.join(project, script), ...args, marker],
    marker,
    pidFile: path.join(home.stateDir, `${name}.pid`),
    logFile: path.join(home.stateDir, `${name}.log`),
    env: childEnv(env),
  });
}

/**
 * Runs a script of ours to its end and returns what it printed.
 * @throws Problem that the script described, or an error with all it said.
 */
export async function runNodeScript(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const options = { env: childEnv(env) as NodeJS.ProcessEnv };
  try {
    const command = [path.join(project, script), ...args];
    return (await run(process.execPath, command, options)).stdout;
  } catch (error) {
    throw parseProblem((error as { stderr?: string }).stderr ?? '') ?? error;
  }
}
