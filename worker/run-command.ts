import { explainDatabase } from '../runtime/database-problem.ts';
import { describeProblem } from '../runtime/problem.ts';

/**
 * Runs an operators' command to its end. What it throws is described, with a remedy where there is
 * one, and makes the exit code 1.
 * @param variables name what holds the URLs of its databases
 */
export async function runCommand(variables: string, work: () => Promise<void>): Promise<void> {
  try {
    await explainDatabase(variables, work);
  } catch (error) {
    process.stderr.write(`${describeProblem(error)}\n`);
    process.exitCode = 1;
  }
}
