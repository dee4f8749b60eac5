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
if (bench) await bench(args);
else {
  console.error(`Name a bench: npm run bench ${Object.keys(benches).join(' | ')}`);
  process.exitCode = 1;
}
