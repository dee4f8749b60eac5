import { Client, Connection } from '@temporalio/client';
import {
  type Logger as TemporalLogger,
  type LogLevel,
  type SearchAttributeType,
} from '@temporalio/common';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import protobuf, { type temporal } from '@temporalio/proto';
import { NativeConnection } from '@temporalio/worker';
import type { Logger } from './logger.ts';
import { Problem } from './problem.ts';

const namespaceDefault = 'default';
const grpcAlreadyExists = 6;
// A CommonJS module whose names Node cannot see: only the whole can be imported.
const { IndexedValueType, TaskQueueType } = protobuf.temporal.api.enums.v1;

/** What `defineSearchAttributeKey` makes. */
export interface SearchAttribute {
  name: string;
  type: SearchAttributeType;
}

const indexedTypes: Record<SearchAttributeType, temporal.api.enums.v1.IndexedValueType> = {
  TEXT: IndexedValueType.INDEXED_VALUE_TYPE_TEXT,
  KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  INT: IndexedValueType.INDEXED_VALUE_TYPE_INT,
  DOUBLE: IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
  BOOL: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
  DATETIME: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
  KEYWORD_LIST: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
};

export const temporalNamespace = (config: ClientConnectConfig) =>
  config.namespace ?? namespaceDefault;

/** A client over a connection of its own; close it with `client.connection.close()`. */
export async function connectTemporal(config: ClientConnectConfig): Promise<Client> {
  const connection = await reach(config, () => Connection.connect(config.connectionOptions));
  return new Client({ connection, namespace: temporalNamespace(config) });
}

/** The connection that workers poll over. */
export async function connectTemporalWorker(
  config: ClientConnectConfig,
): Promise<NativeConnection> {
  return reach(config, () => NativeConnection.connect(config.connectionOptions));
}

/** Makes the search attributes known to the server; those it knows already are fine. */
export async function registerSearchAttributes(
  connection: Pick<Connection, 'operatorService'>,
  namespace: string,
  keys: readonly SearchAttribute[],
): Promise<void> {
  const known = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = keys.filter((key) => !(key.name in (known.customAttributes ?? {})));
  for (const key of missing) {
    try {
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: { [key.name]: indexedTypes[key.type] },
      });
    } catch (error) {
      // Another process was faster.
      if ((error as { code?: number }).code !== grpcAlreadyExists) throw error;
    }
  }
}

/** Who polls a task queue, by the identity that each worker gave itself. */
export async function listPollers(
  { workflowService }: Pick<Connection, 'workflowService'>,
  namespace: string,
  { queue, kind }: { queue: string; kind: 'workflow' | 'activity' },
): Promise<string[]> {
  const taskQueueType = TaskQueueType[`TASK_QUEUE_TYPE_${upper(kind)}`];
  const taskQueue = { name: queue };
  const { pollers } = await workflowService.describeTaskQueue({
    ...{ namespace, taskQueue, taskQueueType },
  });
  return (pollers ?? []).map(({ identity }) => identity ?? '');
}

function upper<T extends string>(text: T): Uppercase<T> {
  return text.toUpperCase() as Uppercase<T>;
}

/** Lets the SDK write through our logger, and so through its allow-list. */
export function temporalLogger(logger: Logger): TemporalLogger {
  const write = (level: LogLevel, message: string, meta: Record<string | symbol, unknown> = {}) =>
    logger[level.toLowerCase() as Lowercase<LogLevel>](meta, message);
  return {
    log: write,
    trace: (message, meta) => write('TRACE', message, meta),
    debug: (message, meta) => write('DEBUG', message, meta),
    info: (message, meta) => write('INFO', message, meta),
    warn: (message, meta) => write('WARN', message, meta),
    error: (message, meta) => write('ERROR', message, meta),
  };
}

async function reach<T>(config: ClientConnectConfig, connect: () => Promise<T>): Promise<T> {
  try {
    return await connect();
  } catch (cause) {
    throw new Problem(
      `No Temporal server answers at ${config.connectionOptions.address ?? 'localhost:7233'}.`,
      'Start one (`npm start` brings its own), or set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.',
      { cause },
    );
  }
}
