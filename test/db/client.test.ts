import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const instant = '2026-03-01T10:20:30.123Z';

describe('lists as parameters', () => {
  it.each([
    ['uuid', ['0192f0c1-0000-7000-8000-000000000001', null]],
    ['text', ['a', 'b "c", {d} \\ ', '', null]],
    ['bigint', ['9007199254740993']],
    ['smallint', [1, 2, 3]],
    ['timestamptz', [instant, null]],
    ['timestamptz', [null, instant]],
    ['date', ['2026-03-01']],
    ['numeric', ['1.5']],
    ['boolean', ['t', 'f', null]],
    ['boolean', ['true', 'false']],
    ['uuid', []],
  ])('of %s arrive as they are: %j', async (type, values) => {
    const [row] = await database.app.db.execute<{ same: boolean }>(sql`
      select to_jsonb(${sql.param(values)}::${sql.raw(type)}[]) =
        (select coalesce(jsonb_agg(to_jsonb(value::${sql.raw(type)}) order by at), '[]')
         from jsonb_array_elements_text(${JSON.stringify(values)}::jsonb)
           with ordinality as given (value, at)) as same`);
    expect(row).toEqual({ same: true });
  });

  it('of bytes arrive whole', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const [row] = await database.app.db.execute<{ bytes: Uint8Array }>(sql`
      select ${sql.param(new Uint8Array(bytes))}::bytea as bytes`);
    expect(Buffer.from(row!.bytes)).toEqual(bytes);
  });
});
