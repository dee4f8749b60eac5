import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * All that code reachable from the API's entry point may write: what people say, and the rows that
 * must exist before a workflow can start. Nothing else of `sync_status`, `collections`, `folders`,
 * `messages` or `placements`: a slice owns them, and a person's wish stands beside them until it is
 * taken up.
 */
const allowed = [
  ...['insert admin.audit_log', 'insert admin.operators', 'update admin.operators'],
  ...['insert directory.api_keys', 'update directory.api_keys'],
  ...['insert directory.connections', 'update directory.connections'],
  ...['insert directory.member_tokens', 'delete directory.member_tokens'],
  ...['insert directory.tenants', 'insert members', 'update members'],
  ...['insert connections', 'update connections'],
  // A connection's first row, so that it has a state before its workflow has started.
  'insert sync_status',
  'insert intents',
  // Said of one item: the team may see it; try it again.
  ...['update messages', 'update skips'],
  // In one file with the reading of keys.
  ...['insert wrapped_keys', 'update wrapped_keys'],
  ...['insert idempotency_keys', 'update idempotency_keys', 'delete idempotency_keys'],
];

const imports = /^(?:import|export) (?!type )[^;]*?from '(\.[^']+\.ts)'/gm;
const writes =
  /\b(?:(insert) into|(delete) from) ([a-z_]+(?:\.[a-z_]+)?)|\b(update) ([a-z_]+(?:\.[a-z_]+)?)(?: [a-z])? set\b/g;

/** The same through the query builder: `db.insert(wrappedKeys)`. */
const builds = /\b(?:tx|db)\s*\.(insert|update|delete)\((\w+)\)/g;

/** Files that are loaded with this one, itself among them. */
function reachable(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  for (const [, imported] of readFileSync(entry, 'utf8').matchAll(imports)) {
    reachable(path.join(path.dirname(entry), imported!), seen);
  }
  return seen;
}

/** `verb table`, each once. */
function writesOf(text: string): string[] {
  const found = [...text.matchAll(writes)].map(([, insert, remove, table, update, updated]) =>
    update ? `update ${updated}` : `${insert ?? remove} ${table}`,
  );
  const built = [...text.matchAll(builds)].map(([, verb, table]) => `${verb} ${snakeCase(table!)}`);
  return [...new Set([...found, ...built])];
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

describe('the API’s process', () => {
  const files = [...reachable('api/main.ts')];

  it('writes what people say, and no state that a workflow owns', () => {
    const found = new Set(files.flatMap((file) => writesOf(readFileSync(file, 'utf8'))));
    expect([...found].toSorted()).toEqual(allowed.toSorted());
  });

  it('is read to its ends: every file is there, the queries among them', () => {
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
    expect(files).toContain('db/queries/connection-changes.ts');
    expect(files).not.toContain('db/queries/sync/settings.ts');
  });

  it.each([
    ["sql`\n    update sync_status set state = 'live'`", ['update sync_status']],
    ['sql`update sync_status s set login_strikes = 0`', ['update sync_status']],
    ['sql`delete from placements where true`', ['delete placements']],
    ['sql`with a as (insert into folders (id) values (1))`', ['insert folders']],
    ['await tx\n  .update(syncStatus)\n  .set({})', ['update sync_status']],
    ['hash.update(text); seen.delete(id)', []],
    ['/** Waits for an update of sync_status. */', []],
  ])('a write is recognised: %s', (text, expected) => {
    expect(writesOf(text)).toEqual(expected);
  });
});
