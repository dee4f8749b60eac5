// The first thing that every npm script runs: `node runtime/bootstrap.mjs <script> [arguments]`.
// It needs nothing but an old Node (16 or later): it installs what package-lock.json says when
// that is missing or stale, and then runs the script under the Node that the project brings.
import { spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  constants as fsConstants,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants as osConstants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const node24 = path.join(root, 'node_modules', 'node', 'bin', 'node');
const installLock = path.join(root, '.install-lock');
const progressEveryMs = 5_000;
const npmLinesShown = 15;
/** Who pressed Ctrl-C does not wait; what npm leaves half done, the next one does again. */
const npmStopMs = 1_500;
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const [script, ...scriptArguments] = process.argv.slice(2);
if (!script) fail('Usage: node runtime/bootstrap.mjs <script> [arguments]', 'Run `npm start`.');

const missing = firstMissing();
if (missing) await install(missing);
process.exitCode = await runScript();

/** Names the first package that is not installed as the lock file says, if there is one. */
function firstMissing() {
  const wanted = readPackages(path.join(root, 'package-lock.json'));
  const installed = readPackages(path.join(root, 'node_modules', '.package-lock.json'));
  if (!wanted)
    fail('package-lock.json cannot be read.', 'Restore it: git checkout package-lock.json');
  if (!installed) return 'all packages';
  for (const [name, entry] of Object.entries(wanted)) {
    const found = installed[name];
    const optional = entry.optional || entry.devOptional || entry.peer;
    if (name !== '' && (found ? found.version !== entry.version : !optional)) {
      return name.replace(/^.*node_modules\//, '');
    }
  }
  return isExecutable(node24) ? undefined : 'Node 24';
}

async function install(what) {
  takeLock();
  const unlock = () => rmSync(installLock, { recursive: true, force: true });
  process.once('exit', unlock);
  console.log(`Installing packages (${what} missing or stale); the first time takes a minute …`);
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const progress = setInterval(
    () => console.log(`  still installing, ${seconds()}`),
    progressEveryMs,
  );
  const { code, output, signal } = await npmCi();
  clearInterval(progress);
  if (signal) {
    console.error('\nInterrupted; run the same command again.');
    process.exit(128 + osConstants.signals[signal]);
  }
  unlock();
  // From here on the lock may be another's.
  process.removeListener('exit', unlock);
  if (code !== 0 || firstMissing()) {
    const last = output.trimEnd().split('\n').slice(-npmLinesShown).join('\n');
    fail(
      `npm ci failed after ${seconds()}:\n${last}`,
      'Check the network, the disk and the proxy settings of npm, then run the same command again.',
    );
  }
  console.log(`Installed in ${seconds()}.`);
}

/**
 * The lock is a folder that tells whose it is: a rename puts it there whole, and only where there is
 * none (or an empty one, as earlier versions made). One whose owner is gone is taken away.
 */
function takeLock() {
  const own = `${installLock}.${process.pid}`;
  try {
    rmSync(own, { recursive: true, force: true });
    mkdirSync(own);
    writeOwners(own, [process.pid]);
    while (!renamed(own, installLock)) {
      const owners = readOwners(installLock);
      if (owners[0] && runs(owners[0])) {
        rmSync(own, { recursive: true, force: true });
        fail(
          `Another install runs in this folder (process ${owners[0].pid}).`,
          'Wait for it, then run the same command again.',
        );
      }
      takeAway(owners);
    }
  } catch (error) {
    fail(`${installLock} cannot be made: ${error.message}`, 'The folder must be writable.');
  }
}

/** An npm that outlived its bootstrap must not write into the folder beside the next one. */
function takeAway(owners) {
  owners.filter(runs).forEach(({ pid }) => process.kill(pid, 'SIGKILL'));
  const aside = `${installLock}.${process.pid}.stale`;
  if (!renamed(installLock, aside)) return;
  // Somebody was faster, and what went aside is theirs.
  const theirs = JSON.stringify(readOwners(aside)) !== JSON.stringify(owners);
  if (theirs && renamed(aside, installLock)) return;
  rmSync(aside, { recursive: true, force: true });
}

/** False when there is nothing to rename, or something in its way. */
function renamed(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (['ENOENT', 'EEXIST', 'ENOTEMPTY'].includes(error.code)) return false;
    throw error;
  }
}

function writeOwners(lock, pids) {
  const owners = pids.map((pid) => ({ pid, startedAt: startedAt(pid) }));
  const file = path.join(lock, 'owners.json');
  writeFileSync(`${file}.new`, JSON.stringify(owners));
  renameSync(`${file}.new`, file);
}

function readOwners(lock) {
  try {
    return JSON.parse(readFileSync(path.join(lock, 'owners.json'), 'utf8'));
  } catch {
    return [];
  }
}

function runs({ pid, startedAt: then }) {
  return then !== '' && startedAt(pid) === then;
}

/** When a process started, in the system's own words, or nothing when there is none. */
function startedAt(pid) {
  if (process.platform !== 'linux') {
    // In the same words whoever asks.
    const command = ['LC_ALL=C', 'TZ=UTC', 'ps', '-o', 'lstart=', '-p', String(pid)];
    const { stdout } = spawnSync('env', command);
    return String(stdout || '').trim();
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // What follows the name: the state first, the start time twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? '' : fields[19];
  } catch {
    return '';
  }
}

/** Resolves to npm's exit code and output, or to the signal that interrupted us. */
function npmCi() {
  const child = spawn('npm', ['ci', '--no-audit', '--no-fund', '--include=dev'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid) writeOwners(installLock, [process.pid, child.pid]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  let interrupt;
  const stop = (signal) => {
    interrupt = signal;
    // Left alone, npm finishes a download first, and then tells of the network.
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), npmStopMs).unref();
  };
  for (const signal of endingSignals) process.on(signal, stop);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 1, output: error.message }));
    // Programs of packages may hold the output for longer than npm lives.
    child.once('exit', () => interrupt && resolve({ signal: interrupt }));
    child.once('close', (code) => resolve({ code, output, signal: interrupt }));
  }).finally(() => endingSignals.forEach((signal) => process.removeListener(signal, stop)));
}

/** Resolves to the script's exit code, or 128 + the number of the signal that ended it. */
function runScript() {
  const child = spawn(node24, [path.resolve(root, script), ...scriptArguments], {
    cwd: root,
    stdio: 'inherit',
  });
  const stop = forwardSignals(child);
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`Node 24 does not run here: ${error.message}`);
      resolve(1);
    });
    child.once('exit', (code, signal) => {
      resolve(signal ? 128 + osConstants.signals[signal] : code);
    });
  }).finally(stop);
}

/** Passes on what should end us, and waits for the child to end first. */
function forwardSignals(child) {
  const forward = (signal) => child.kill(signal);
  for (const signal of endingSignals) process.on(signal, forward);
  return () => endingSignals.forEach((signal) => process.removeListener(signal, forward));
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch (error) {
    if (error.code !== 'ENOENT') console.log(`${file}: ${error.message}`);
    return undefined;
  }
}

function isExecutable(file) {
  try {
    accessSync(file, fsConstants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function fail(wrong, remedy) {
  console.error(`\n${wrong}\n  Remedy: ${remedy}`);
  process.exit(1);
}
