import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';

/** What a bench ran on; stated beside its figures. */
export function machine(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${availableParallelism()} × ${cpus()[0]?.model}, ${memory} GiB`;
}

/** The value below which this share of the sample lies (nearest rank); NaN for an empty sample. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? Number.NaN;
}

/** The three figures that a bar is set for, in whole milliseconds. */
export function spread(values: readonly number[]): Record<'p50' | 'p95' | 'max', number> {
  const at = (share: number) => Math.round(percentile(values, share));
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

/** Prints the rows and writes them as JSON, with what they were measured on. */
export function publish(name: string, rows: object[], facts: object): void {
  console.table(rows);
  mkdirSync('.steward/bench', { recursive: true });
  const file = `.steward/bench/${name}.json`;
  writeFileSync(file, JSON.stringify({ machine: machine(), ...facts, rows }, undefined, 2));
  console.log(`written to ${file}`);
}
