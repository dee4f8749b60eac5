import { type DestinationStream, type LogFn, type Logger, pino } from 'pino';
import type { LogLevel } from './env.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** The process: `api`, `worker`, or a command. */
  name: string;
  level: LogLevel;
  /** Standard output unless a test reads along. */
  destination?: DestinationStream;
}

/**
 * Fields whose text is opaque or of our own making. Anything else that is text is dropped, under
 * whatever name: what nobody thought of must not become a leak. Numbers and booleans may pass.
 */
const textFields = new Set([
  ...['activityId', 'activityType', 'attemptId', 'capability', 'code', 'collectionId'],
  ...['connectionId', 'event', 'keyId', 'kind', 'lane', 'lanes', 'memberId', 'method', 'namespace'],
  ...['operatorId', 'outcome', 'phase', 'provider', 'requestId', 'role', 'route', 'runId'],
  ...['sdkComponent', 'service', 'signal', 'state', 'status', 'step', 'taskQueue', 'tenantId'],
  ...['version', 'workflowId', 'workflowType'],
]);

/** Errors whose message is ours and quotes nobody. */
const plainErrors = new Set(['ProviderFailure', 'FencedError', 'Problem']);

/** A second wall, for objects that a library logs below the allow-list's sight. */
const redacted = ['password', 'accessToken', 'authorization', 'address', 'subject'];

/** A JSON logger that cannot write personal data: see `textFields`. Messages are literals. */
export function createLogger({ name, level, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service: name, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: allowed,
    },
    // Errors are described below; pino's own serializer would put the message back.
    serializers: { err: (described: unknown) => described },
    hooks: { logMethod: withLiteralMessage },
    redact: redacted.flatMap((field) => [field, `*.${field}`]),
  };
  return guardChildren(destination ? pino(options, destination) : pino(options));
}

/** The allow-list of formatters does not see what a child logger is bound to; this does. */
function guardChildren(logger: Logger): Logger {
  const child: (bindings: object) => Logger = Object.getPrototypeOf(logger).child;
  return Object.assign(logger, {
    child(this: Logger, bindings: Record<string, unknown>) {
      return child.call(this, allowed(bindings));
    },
  });
}

/** An error logged without a message would lend the line its own. */
function withLiteralMessage(this: Logger, args: Parameters<LogFn>, write: LogFn): void {
  const [first, message, ...rest]: unknown[] = args;
  const text = typeof message === 'string' ? message : 'event';
  if (first instanceof Error) write.call(this, { err: first }, text);
  else if (typeof first === 'object') write.call(this, first, text, ...rest);
  else write.apply(this, args);
}

function allowed(fields: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Error) kept[name] = describe(value);
    else if (typeof value === 'number' || typeof value === 'boolean') kept[name] = value;
    else if (value instanceof Date) kept[name] = value.toISOString();
    else if (textFields.has(name) && isText(value)) kept[name] = value;
  }
  return kept;
}

function isText(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string');
  return typeof value === 'string';
}

/** What an error is and where it was thrown; its message only when it is known to quote nobody. */
function describe(error: Error): Record<string, unknown> {
  const { code, kind } = error as { code?: unknown; kind?: unknown };
  return {
    type: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof kind === 'string' ? { kind } : {}),
    ...(plainErrors.has(error.name) ? { message: error.message } : {}),
    at: (error.stack ?? '')
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .map(trimmed),
    ...(error.cause instanceof Error ? { cause: describe(error.cause) } : {}),
  };
}

const trimmed = (line: string) => line.trim();
