import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Problem } from '../../runtime/problem.ts';
import { spawnService } from '../../runtime/supervise/process.ts';
import { type Crew, createCrew } from '../../runtime/supervise/supervise.ts';
import { waitFor } from '../support/wait-for.ts';

describe('a service that ends with a problem', () => {
  let folder: string;
  let lines: string[];
  let crew: Crew;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'steward-crew-'));
    lines = [];
    crew = createCrew((text) => lines.push(text));
  });
  afterEach(async () => {
    await crew.stop();
    rmSync(folder, { recursive: true });
  });

  const keep = (script: string) =>
    crew.keep('worker', () =>
      spawnService({
        name: 'worker',
        command: process.execPath,
        args: ['-e', script],
        marker: '-e',
        pidFile: path.join(folder, 'worker.pid'),
        logFile: path.join(folder, 'worker.log'),
      }),
    );
  const withProblem = `console.log('{"msg":"begins"}');
    console.error('KEY is wrong.\\n  Remedy: Restore it.'); process.exit(1)`;
  const broken = () => waitFor(() => crew.broken.aborted, { what: 'the end of the start' });

  test('ends the start, in its own words, and is not started again', async () => {
    await keep(withProblem);
    await broken();
    const problem = crew.broken.reason as Problem;
    expect(problem).toBeInstanceOf(Problem);
    expect([problem.message, problem.remedy]).toEqual(['KEY is wrong.', 'Restore it.']);
    expect(lines).toEqual([]);
  });

  test('keeps the rest from going on as if everything had started', async () => {
    await keep(withProblem);
    await broken();
    expect(() => crew.started()).toThrow('KEY is wrong.');
  });

  test('that it does not word is quoted, without the words of an earlier run', async () => {
    const earlier = await keep(`console.error('earlier'); process.exit(2)`);
    await earlier.exited;
    await crew.stop();
    await keep(`console.error('TypeError: x is not a function'); process.exit(1)`);
    await broken();
    expect((crew.broken.reason as Problem).message).toMatch(/Its words:\nTypeError: x is not/);
  });

  test('is started again once everything has started', async () => {
    crew.started();
    await keep(withProblem);
    await waitFor(() => lines.some((line) => line.includes('worker runs again')));
    expect(crew.broken.aborted).toBe(false);
  });

  test('is started again when it died of anything else', async () => {
    await keep(`process.kill(process.pid, 'SIGKILL')`);
    await waitFor(() => lines.some((line) => line.includes('worker runs again')));
    expect(crew.broken.aborted).toBe(false);
  });
});
