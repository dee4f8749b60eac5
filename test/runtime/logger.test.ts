import { describe, expect, test } from 'vitest';
import { ProviderFailure } from '../../domain/failure.ts';
import { createLogger } from '../../runtime/logger.ts';
import { temporalLogger } from '../../runtime/temporal.ts';

const secret = 'marker-ada@example.org';

function capture() {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ name: 'api', level: 'trace', destination });
  return { logger, text: () => lines.join(''), last: () => JSON.parse(lines.at(-1) ?? '{}') };
}

describe('the log', () => {
  test('keeps ids, numbers and states, and says which process wrote it', () => {
    const { logger, last } = capture();
    logger.info({ connectionId: 'con_1', stored: 3, done: true }, 'slice ended');
    expect(last()).toMatchObject({
      level: 'info',
      service: 'api',
      connectionId: 'con_1',
      stored: 3,
      done: true,
      msg: 'slice ended',
    });
  });

  test('drops text under any name that is not known to be harmless', () => {
    const { logger, text } = capture();
    const nested = { user: { address: secret } };
    logger.warn({ password: secret, folder: secret, anything: secret, nested }, 'x');
    logger.child({ host: secret, tenantId: 'ten_1' }).error('y');
    expect(text()).not.toContain('marker');
    expect(text()).toContain('ten_1');
  });

  test('describes an error without the message that may quote somebody', () => {
    const { logger, text, last } = capture();
    const cause = new Error(`inner ${secret}`);
    const error = Object.assign(new Error(`cannot reach ${secret}`, { cause }), { code: 'EX' });
    logger.error(error);
    logger.error({ err: error });
    logger.error({ err: error }, 'sync failed');
    expect(text()).not.toContain('marker');
    expect(last().err).toMatchObject({ type: 'Error', code: 'EX', cause: { type: 'Error' } });
    expect(last().err.at[0]).toContain('logger.test.ts');
  });

  test('keeps the message of a failure that was written by us', () => {
    const { logger, last } = capture();
    logger.error({ err: new ProviderFailure('provider-down', 'The server does not answer.') });
    expect(last().err).toMatchObject({
      kind: 'provider-down',
      message: 'The server does not answer.',
    });
  });

  test('the SDK of Temporal writes through the same list', () => {
    const { logger, text } = capture();
    const error = new Error(secret);
    temporalLogger(logger).warn('Activity failed', { error, workflowId: 'w/1', args: [secret] });
    expect(text()).not.toContain('marker');
    expect(text()).toContain('w/1');
  });
});
