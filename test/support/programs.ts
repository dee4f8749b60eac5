import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** Programs that the tests run and npm cannot bring, with the Debian package of each. */
const programs = [
  { names: ['dovecot'], package: 'dovecot-imapd', why: 'a real IMAP server' },
  {
    names: ['chromium', 'chromium-browser', 'google-chrome'],
    package: 'chromium',
    why: 'the console in a real browser',
  },
  { names: ['mbsync'], package: 'isync', why: 'the peer of the import' },
] as const;

/** Servers live where an ordinary user's PATH does not look. */
const folders = [
  ...(process.env['PATH'] ?? '').split(path.delimiter),
  '/usr/sbin',
  '/usr/local/sbin',
];

/** The absolute path of the first of these programs that is installed. */
export function findProgram(...names: string[]): string | undefined {
  const candidates = names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return candidates.find(isExecutable);
}

/** Installs what is missing where that is allowed, and otherwise names it and ends the run. */
export function obtainPrograms(): void {
  const missing = programs.filter(({ names }) => findProgram(...names) === undefined);
  if (missing.length === 0) return;
  const packages = missing.map((each) => each.package);
  const list = missing.map((each) => `${each.package} (${each.why})`).join(', ');
  const apt = findProgram('apt-get');
  if (process.getuid?.() === 0 && apt !== undefined) {
    console.log(`Installing ${list} …`);
    if (install(apt, packages)) return;
  }
  console.error(
    `The tests need ${list}.\n  Remedy: sudo apt-get install ${packages.join(' ')}, ` +
      'or the same programs by another way on PATH.',
  );
  process.exit(1);
}

function install(apt: string, packages: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (...args: string[]) =>
    spawnSync(apt, ['-q', '-y', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const ask = () => run('install', '--no-install-recommends', ...packages).status === 0;
  // The lists may be missing or old; they are fetched only when the install needs them.
  return ask() || (run('update').status === 0 && ask());
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
