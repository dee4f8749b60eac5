import { afterAll, beforeAll, expect, it } from 'vitest';
import { cutConnections } from '../support/cut-connections.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it.each([
  ['the query builder makes', false],
  ['the driver prepares', true],
])(
  'statements that %s are answered rightly or fail in time while connections are cut',
  async (_, prepared) => {
    const report = await cutConnections({
      ...{ url: database.appUrl, seconds: 4, settleMsMax: 15_000, prepared },
    });
    expect(report).toMatchObject({ hung: 0, mixedUp: 0, waiting: 0, lastLost: 0 });
    expect(report.cuts).toBeGreaterThan(20);
    expect(report.answered).toBeGreaterThan(20);
  },
);
