import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { inject } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import type { Database } from '../../db/client.ts';
import type { Keyring } from '../../domain/seal.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createLogger } from '../../runtime/logger.ts';
import { registerSearchAttributes } from '../../runtime/temporal.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';
import { createWorkerProcess } from '../../worker/worker-process.ts';
import { allLanes } from '../../worker/lanes.ts';
import { pokeMailboxSync, searchAttributes } from '../../workflows/contract.ts';
import { waitFor } from './wait-for.ts';

// Once a process, before the first worker: the SDK's chatter would bury the tests' own words.
Runtime.install({ logger: new DefaultLogger('ERROR') });

export interface TestWorker extends AsyncDisposable {
  client: Client;
  /** Where search attributes are registered. */
  operator: Connection;
  namespace: string;
  deps: ActivityDeps;
}

/** Another version of the worker, where an earlier one has worked. */
export interface Deployment {
  namespace: string;
  /** The workflow code, instead of today's. */
  code?: string;
}

/** The worker as production composes it, in a Temporal namespace of the test's own. */
export async function startTestWorker(
  database: Database,
  keyring: Keyring,
  destination?: Writable,
  deployment?: Deployment,
): Promise<TestWorker> {
  const address = inject('temporalAddress');
  const namespace = deployment?.namespace ?? `test-${randomUUID().slice(0, 8)}`;
  const connection = await Connection.connect({ address });
  if (!deployment) await createNamespace(connection, namespace);
  const client = new Client({ connection, namespace });
  const native = await NativeConnection.connect({ address });
  const log = createLogger({ name: 'worker', level: 'warn', ...(destination && { destination }) });
  const encoder = createPageEncoder(keyring);
  const mail = createImapProvider({ allowedNetworks: ['127.0.0.0/8'], allowCleartext: true });
  const poke = (connectionId: string) => pokeMailboxSync(client, connectionId);
  const deps: ActivityDeps = { database, keyring, encoder, mail, poke, log };
  const worker = await createWorkerProcess({
    ...{ database, client, connection: native, namespace, log, lanes: allLanes },
    bundle:
      deployment?.code === undefined
        ? { codePath: inject('workflowBundle') }
        : { code: deployment.code },
    activities: deps,
    maxCachedWorkflows: 0,
  });
  const running = worker.run();
  return {
    client,
    operator: connection,
    namespace,
    deps,
    [Symbol.asyncDispose]: async () => {
      worker.stop();
      await running;
      await mail.close();
      await encoder[Symbol.asyncDispose]();
      await native.close();
      await connection.close();
    },
  };
}

/** A namespace is usable once every part of the server has heard of it. */
export async function createNamespace(connection: Connection, namespace: string): Promise<void> {
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
  await waitFor(
    async () => {
      await registerSearchAttributes(connection, namespace, Object.values(searchAttributes));
      const client = new Client({ connection, namespace });
      return (await client.workflow.count()).count === 0;
    },
    { what: 'the namespace' },
  );
}
