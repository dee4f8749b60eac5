import { benchChangeCost } from './change-cost.ts';
import { benchImport } from './import.ts';

const benches: Record<string, (args: string[]) => Promise<void>> = {
  'change-cost': benchChangeCost,
  import: benchImport,
};

const [name = '', ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench) await bench(args);
else {
  console.error(`Name a bench: npm run bench ${Object.keys(benches).join(' | ')}`);
  process.exitCode = 1;
}
