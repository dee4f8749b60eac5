import { benchChangeCost } from './change-cost.ts';
import { benchFreshness } from './freshness.ts';
import { benchImport } from './import.ts';
import { benchWatch } from './watch.ts';

const benches: Record<string, (args: string[]) => Promise<void>> = {
  'change-cost': benchChangeCost,
  import: benchImport,
  freshness: benchFreshness,
  watch: benchWatch,
};

const [name = '', ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench) await bench(args).catch(explain);
else fail(`Name a bench: npm run bench ${Object.keys(benches).join(' | ')}`);

/** An option that there is not is no fault of the bench: without a stack. */
function explain(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!code.startsWith('ERR_PARSE_ARGS')) throw error;
  fail(`${(error as Error).message}. The options stand at the top of test/bench/${name}.ts`);
}

function fail(words: string): void {
  console.error(words);
  process.exitCode = 1;
}
