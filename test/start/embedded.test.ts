import { Connection } from '@temporalio/client';
import postgres from 'postgres';
import { expect, inject, test } from 'vitest';

test('the run has a Postgres 18 and a Temporal server', async () => {
  const sql = postgres(inject('postgresUrl'), { max: 1 });
  const [row] = await sql`select current_setting('server_version_num')::int as version`;
  await sql.end();
  expect(row?.['version']).toBeGreaterThanOrEqual(180_000);
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const described = await connection.workflowService.describeNamespace({ namespace: 'default' });
  await connection.close();
  expect(described.namespaceInfo?.name).toBe('default');
});
