import { startVitest } from 'vitest/node';
import { obtainPrograms } from './support/programs.ts';

/**
 * `npm test [file …]`: obtains what the tests need and is missing, runs them all, and ends with a
 * line that a script can read. A test that was skipped is a test that nobody ran: it fails the run.
 */
obtainPrograms();
const vitest = await startVitest('test', process.argv.slice(2), { watch: false });
const modules = vitest.state.getTestModules();
const tests = modules.flatMap((module) => [...module.children.allTests()]);
const count = (state: string) => tests.filter((test) => test.result().state === state).length;
const brokenFiles = modules.filter(
  (module) => module.errors().length > 0 || [...module.children.allSuites()].some(hasErrors),
).length;
const unhandled = vitest.state.getUnhandledErrors().length;
const passed = count('passed');
const failed = count('failed') + brokenFiles + unhandled;
const unrun = tests.length - passed - count('failed');
await vitest.close();

if (brokenFiles > 0) console.log(`${brokenFiles} files failed outside of their tests`);
if (unhandled > 0) console.log(`${unhandled} errors that no test caught`);
if (unrun > 0) console.log(`${unrun} skipped: every test must run`);
console.log(`${passed} passed, ${failed + unrun} failed`);
process.exit(failed + unrun > 0 || passed === 0 ? 1 : 0);

function hasErrors(suite: { errors(): unknown[] }): boolean {
  return suite.errors().length > 0;
}
