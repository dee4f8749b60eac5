import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { readEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { type Lock, takeLock } from '../supervise/lock.ts';
import { ownPid } from '../supervise/pid-file.ts';

export type Home = ReturnType<typeof openHome>;

export interface Secrets {
  /** The superuser's of the embedded Postgres. */
  postgresPassword: string;
  /** The application roles'. */
  appPassword: string;
}

const passwordBytes = 24;
const rootKeyBytes = 32;

/**
 * Opens the folder that holds all of an instance, for this process alone.
 * @throws Problem when it cannot be written, or another `npm start` uses it.
 */
export function openHome(folder: string) {
  const file = (name: string) => path.join(folder, name);
  const stateDir = file('run');
  let lock: Lock | number;
  try {
    // As root, Postgres runs under another account, which must get through to its own folder.
    mkdirSync(folder, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    for (const each of [folder, stateDir]) accessSync(each, constants.W_OK | constants.X_OK);
    lock = lockFolder(stateDir);
  } catch (cause) {
    throw new Problem(
      `The folder ${folder} cannot be written (${(cause as NodeJS.ErrnoException).code}).`,
      'Give it to yourself (chown), or choose another: STEWARD_HOME=<folder>.',
      { cause },
    );
  }
  if (typeof lock === 'number') {
    throw new Problem(
      `Steward runs already on ${folder} (process ${lock}).`,
      'Stop that one with Ctrl-C, or give this one a folder of its own: STEWARD_HOME=<folder>.',
    );
  }
  return {
    folder,
    stateDir,
    postgresDir: file('postgres'),
    temporalFile: file('temporal.sqlite'),
    rootKeyFile: file('root.key'),
    credentialsFile: file('credentials.json'),
    instanceFile: file('instance.json'),
    unlock: lock.release,
  };
}

/** Also against an instance of a version that kept its number in `supervisor.pid`. */
function lockFolder(stateDir: string): Lock | number {
  const lock = takeLock(stateDir, 'supervisor');
  if (typeof lock === 'number') return lock;
  const earlier = path.join(stateDir, 'supervisor.pid');
  const owner = ownPid(earlier);
  if (owner === undefined) rmSync(earlier, { force: true });
  else lock.release();
  return owner ?? lock;
}

/**
 * The passwords of an instance and its root key; made when it starts for the first time.
 * @throws Problem when there is data, or a file, that they are not whole for.
 */
export function ensureSecrets(home: Home): Secrets {
  const secretsFile = path.join(home.folder, 'secrets.json');
  const hasData = existsSync(path.join(home.postgresDir, 'PG_VERSION'));
  const known = readWhole(secretsFile, hasData, readSecrets);
  const rootKeys = readWhole(home.rootKeyFile, hasData, readRootKeys);
  if (!rootKeys) {
    writePrivate(home.rootKeyFile, `${randomBytes(rootKeyBytes).toString('base64')}\n`);
  }
  if (known) return known;
  const password = () => randomBytes(passwordBytes).toString('base64url');
  const secrets = { postgresPassword: password(), appPassword: password() };
  writePrivate(secretsFile, JSON.stringify(secrets, undefined, 2));
  return secrets;
}

/** What a file of secrets holds, or nothing when there is neither the file nor data that needs it. */
function readWhole<T>(file: string, hasData: boolean, read: (file: string) => T): T | undefined {
  const backup =
    'Restore the file from a backup. If the data is of no value, move the whole folder away.';
  if (!existsSync(file)) {
    if (!hasData) return undefined;
    const folder = path.dirname(file);
    throw new Problem(
      `${file} is gone, and the data in ${folder} cannot be opened without it.`,
      backup,
    );
  }
  try {
    return read(file);
  } catch (cause) {
    const anew = `Delete it: there is no data yet, and the next start makes another.`;
    throw new Problem(
      `${file} is damaged${hasData ? ', and the data beside it cannot be opened without it' : ''}.`,
      hasData ? backup : anew,
      { cause },
    );
  }
}

function readSecrets(file: string): Secrets {
  const { postgresPassword, appPassword } = JSON.parse(readFileSync(file, 'utf8')) as Secrets;
  for (const password of [postgresPassword, appPassword]) {
    if (typeof password !== 'string' || password === '') throw new Error('a password is missing');
  }
  return { postgresPassword, appPassword };
}

/** As the processes will read them. */
function readRootKeys(file: string): Buffer[] {
  return readEnv({ STEWARD_ROOT_KEY_FILE: file }).rootKeys;
}

/** Writes a file that only its owner reads, whole or not at all. */
export function writePrivate(file: string, text: string): void {
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, text, { mode: 0o600, flush: true });
  renameSync(fresh, file);
}

/** What a JSON file holds, or nothing when there is none. @throws Problem if it is damaged. */
export function readJson<T>(file: string, remedy: string): T | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (cause) {
    throw new Problem(`${file} is damaged.`, remedy, { cause });
  }
}
