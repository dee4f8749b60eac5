import { readdirSync, readFileSync } from 'node:fs';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleWorkflows } from '../../worker/workflow-bundle.ts';
import { workflowIds } from '../../workflows/contract.ts';

const folder = new URL('histories/', import.meta.url);
const names = readdirSync(folder).map((file) => file.replace('.json', ''));

let bundle: WorkflowBundle;

beforeAll(async () => {
  // A replay that must fail would otherwise fill the log with what it found.
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  bundle = { code: await bundleWorkflows() };
});

it('has a history of every part of a connection’s life', () => {
  expect(names.toSorted()).toEqual([
    'continue-as-new',
    'disconnect',
    'failed-import',
    'failure-and-recovery',
    'import',
    'pause-and-resume',
    'watch',
  ]);
});

describe.each(names)('the recorded history %s', (name) => {
  it('replays with the workflows of today', async () => {
    await expect(replay(name, bundle)).resolves.toBeUndefined();
  });

  it('is refused by workflows that look with another activity', async () => {
    const activity = name === 'watch' ? 'holdWatchShard' : 'runLiveSlice';
    await expect(replay(name, altered(activity, 'runAnother'))).rejects.toThrow(
      DeterminismViolationError,
    );
  });

  it('holds no address, host or path', () => {
    const found = texts(JSON.parse(read(name))).filter((text) =>
      /@(?!temporalio|\d)|127\.0\.0\.1|localhost|example|INBOX|\/(home|root|tmp|work)\b/.test(text),
    );
    expect(found).toEqual([]);
  });
});

it('refuses workflows that compare with another activity', async () => {
  const other = altered('runReconcileSlice', 'runAnother');
  await expect(replay('import', other)).rejects.toThrow(DeterminismViolationError);
});

it('refuses workflows in which a poke ends the wait after a failed import', async () => {
  const impatient = altered('sync.recoveries > recoveries', 'sync.pokes > seen');
  // A timer that is given up where none was: the machine that replays it says so itself.
  await expect(replay('failed-import', impatient)).rejects.toThrow('TimerMachine');
});

it('refuses workflows that import when there is nothing to import, and not before', async () => {
  const reordered = altered(
    'sync.backfillDue = !report.progress.backfillDone',
    'sync.backfillDue = report.progress.backfillDone',
  );
  await expect(replay('import', reordered)).rejects.toThrow(DeterminismViolationError);
});

async function replay(name: string, workflowBundle: WorkflowBundle): Promise<void> {
  const history = historyFromJSON(JSON.parse(read(name)));
  await Worker.runReplayHistory({ workflowBundle }, history, workflowIds.mailboxSync(name));
}

/** The bundle with a change in its text, as a careless edit would make it. */
function altered(before: string, after: string): WorkflowBundle {
  if (!('code' in bundle)) throw new Error('the bundle is a file');
  if (!bundle.code.includes(before)) throw new Error(`the bundle has no ${before}`);
  return { code: bundle.code.replaceAll(before, after) };
}

function read(name: string): string {
  return readFileSync(new URL(`${name}.json`, folder), 'utf8');
}

/** Every string of a history; payloads are decoded. */
function texts(value: unknown, key = ''): string[] {
  if (typeof value === 'string') {
    return [key === 'data' ? Buffer.from(value, 'base64').toString() : value];
  }
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, item]) => texts(item, name));
}
