// The first thing that every npm script runs: `node runtime/bootstrap.mjs <script> [arguments]`.
// It needs nothing but an old Node (16 or later): it installs what package-lock.json says when
// that is missing or stale, and then runs the script under the Node that the project brings.
import { spawn } from 'node:child_process';
import { accessSync, constants as fsConstants, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const node24 = path.join(root, 'node_modules', 'node', 'bin', 'node');
const installLock = path.join(root, '.install-lock');
const progressEveryMs = 5_000;
const npmLinesShown = 15;

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
  try {
    mkdirSync(installLock);
  } catch (error) {
    const wrong = error.code === 'EEXIST' ? 'Another install runs in this folder.' : error.message;
    fail(
      wrong,
      `Wait for it. If there is none, delete ${installLock}; the folder must be writable.`,
    );
  }
  const unlock = () => rmSync(installLock, { recursive: true, force: true });
  process.once('exit', unlock);
  console.log(`Installing packages (${what} missing or stale); the first time takes a minute …`);
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const progress = setInterval(
    () => console.log(`  still installing, ${seconds()}`),
    progressEveryMs,
  );
  const { code, output } = await npmCi();
  clearInterval(progress);
  unlock();
  if (code !== 0 || firstMissing()) {
    const last = output.trimEnd().split('\n').slice(-npmLinesShown).join('\n');
    fail(
      `npm ci failed after ${seconds()}:\n${last}`,
      'Check the network, the disk and the proxy settings of npm, then run the same command again.',
    );
  }
  console.log(`Installed in ${seconds()}.`);
}

function npmCi() {
  const child = spawn('npm', ['ci', '--no-audit', '--no-fund', '--include=dev'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = forwardSignals(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 1, output: error.message }));
    child.once('close', (code) => resolve({ code, output }));
  }).finally(stop);
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
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const forward = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, forward);
  return () => signals.forEach((signal) => process.removeListener(signal, forward));
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
