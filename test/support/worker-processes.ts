import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { sql, type SQL } from 'drizzle-orm';
import { inject } from 'vitest';
import type { FoundLicence } from '../../db/fence.ts';
import { withTenant } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { workflowIds } from '../../workflows/contract.ts';
import { createTestConnection } from './connection.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createTestKeyring } from './keys.ts';
import { waitFor } from './wait-for.ts';
import { createNamespace } from './worker.ts';

/** A connected mailbox, and workers that are processes as production runs them. */
export interface WorkerProcesses {
  base: TestDatabase;
  licence: FoundLicence;
  /** The mailbox's workflow; a worker starts it. */
  run: WorkflowHandle;
  read(query: SQL): Promise<Record<string, unknown>[]>;
  /** Starts `worker/main.ts`, which brings the work of the connection up by itself. */
  startWorker(): ChildProcess;
  stop(): Promise<void>;
}

export async function prepareWorkerProcesses(server: {
  port: number;
  user: string;
  password: string;
}): Promise<WorkerProcesses> {
  const base = await createTestDatabase();
  const rootKey = randomBytes(32);
  const keyring = createTestKeyring(base.keys, rootKey);
  const tenantId = uuidv7();
  await keyring.create(tenantId);
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  const licence = await createTestConnection(base.app, await keyring.vault(tenantId), {
    ...{ host: '127.0.0.1', port: server.port, security: 'none' },
    ...{ username: server.user, password: server.password },
  });
  const namespace = `test-${randomUUID().slice(0, 8)}`;
  const address = inject('temporalAddress');
  const connection = await Connection.connect({ address });
  await createNamespace(connection, namespace);
  const client = new Client({ connection, namespace });
  const workers: ChildProcess[] = [];
  const env = {
    ...process.env,
    DATABASE_URL: base.appUrl,
    KEYS_DATABASE_URL: base.keysUrl,
    STEWARD_ROOT_KEY: rootKey.toString('base64'),
    STEWARD_ALLOWED_NETWORKS: '127.0.0.0/8',
    STEWARD_ALLOW_CLEARTEXT: 'true',
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
  };
  return {
    ...{ base, licence },
    run: client.workflow.getHandle(workflowIds.mailboxSync(licence.connectionId)),
    read: async (query) => [...(await withTenant(base.app, tenantId, (tx) => tx.execute(query)))],
    startWorker: () => {
      const worker = spawn(process.execPath, ['worker/main.ts'], {
        ...{ env, stdio: ['ignore', 'ignore', 'inherit'] },
      });
      workers.push(worker);
      return worker;
    },
    stop: async () => {
      for (const worker of workers) await killWorker(worker);
      await connection.close();
      await base.drop();
    },
  };
}

/** Ends a worker as a crash does; returns when it was killed, in milliseconds of the clock. */
export async function killWorker(worker: ChildProcess): Promise<number> {
  const killedAt = Date.now();
  if (worker.exitCode !== null || worker.signalCode !== null) return killedAt;
  worker.kill('SIGKILL');
  await once(worker, 'close');
  return killedAt;
}

/** Waits until the database has heard of the death: what was about to be stored is, or is not. */
export async function whileNoneWorks({ base }: WorkerProcesses): Promise<void> {
  const others = async () => {
    const [row] = await base.owner.sql`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and application_name = 'steward-worker'`;
    return row!['count'] as number;
  };
  await waitFor(async () => (await others()) === 0, { what: 'the end of its transactions' });
}
