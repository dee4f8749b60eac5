import { hourMs, minuteMs } from '../../domain/clock.ts';
import { folderHangsUpCode, ProviderFailure, type FailureKind } from '../../domain/failure.ts';

/** What imapflow and Node hang onto an error, all of it optional. */
interface ErrorFacts {
  message?: unknown;
  code?: unknown;
  authenticationFailed?: unknown;
  serverResponseCode?: unknown;
  responseStatus?: unknown;
  responseText?: unknown;
  response?: unknown;
  mailboxMissing?: unknown;
  tlsFailed?: unknown;
  throttleReset?: unknown;
}

const tooLargeCode = 'imap-response-too-large';

/** A server that counts connections or logins is left alone for this long. */
const limitPauseMs = 5 * minuteMs;

/** A server's own back-off hint is believed up to this. */
const throttlePauseMaxMs = hourMs;

/** imapflow's codes for bounds that the server broke, and ours; all but the last end the connection. */
const boundCodes = new Set([
  'OverBudget',
  'LiteralTooLarge',
  'LineTooLarge',
  'ResponseTooLarge',
  'TooManyTokens',
  'TooManyResponses',
]);

/** Response codes of a refused login that say nothing about the credentials (RFC 5530). */
const passingLoginCodes = new Set(['UNAVAILABLE', 'INUSE', 'SERVERBUG', 'LIMIT']);

/** What imapflow says, without a code, when the server offers no login for these credentials. */
const noMechanism = 'Unsupported authentication mechanism';

export function uidValidityChanged(): ProviderFailure {
  return failure(
    'cursor-expired',
    'imap-uidvalidity-changed',
    'The folder was renumbered while it was read; it has to be listed again.',
  );
}

export function folderRefused(cause: unknown): ProviderFailure {
  return failure(
    'permission-missing',
    'imap-folder-refused',
    'The IMAP server lists the folder, but does not let it be opened.',
    cause,
  );
}

export function folderHangsUp(cause: unknown): ProviderFailure {
  return failure(
    'provider-down',
    folderHangsUpCode,
    'The IMAP server ends the connection whenever it is asked for this folder.',
    cause,
  );
}

export function responseTooLarge(cause?: unknown): ProviderFailure {
  return failure(
    'too-large',
    tooLargeCode,
    'The IMAP server sent more than the bounds allow.',
    cause,
  );
}

/** Whether the server sent more than the bounds allow, and no single item is known for it. */
export function isTooMuch(error: unknown): boolean {
  return error instanceof ProviderFailure && error.code === tooLargeCode;
}

/** More bytes than a command may cost; counts as a bound that the server broke. */
export function overBudget(cause: unknown): Error {
  return Object.assign(new Error('The answer outgrew its budget.', { cause }), {
    code: 'OverBudget',
  });
}

/** Whether `error` says that a piece of work weighed more than it may. */
export function isOverBudget(error: unknown): boolean {
  return factsOf(error).code === 'OverBudget';
}

export function tooSlow(cause?: unknown): ProviderFailure {
  return failure(
    'provider-down',
    'imap-too-slow',
    'The IMAP server did not finish its answers in the time there is for them.',
    cause,
  );
}

export function refused(cause?: unknown): ProviderFailure {
  return failure(
    'provider-down',
    'imap-refused',
    'The IMAP server refused a command that it usually carries out.',
    cause,
  );
}

/** Translates an error of an open session. */
export function translateError(error: unknown): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  const facts = factsOf(error);
  const text = typeof facts.responseText === 'string' ? facts.responseText : '';
  const code = typeof facts.serverResponseCode === 'string' ? facts.serverResponseCode : '';
  if (facts.code === 'ETHROTTLE') return throttled(Number(facts.throttleReset) || 0, error);
  if (code === 'LIMIT' || /too many (simultaneous )?(connections|logins)/i.test(text)) {
    return throttled(limitPauseMs, error);
  }
  const refusedLogin = facts.authenticationFailed === true && !passingLoginCodes.has(code);
  if (refusedLogin || facts.message === noMechanism) return loginFailed(error);
  if (facts.mailboxMissing === true || facts.code === 'NotFound' || code === 'NONEXISTENT') {
    return failure('not-found', 'imap-folder-missing', 'The folder is no longer there.', error);
  }
  if (isBoundError(error)) return responseTooLarge(error);
  if (isRefusal(error)) return refused(error);
  return connectionLost(error);
}

/** `retryAt` where another attempt need not wait as long as it does for a server that is down. */
export function connectionLost(cause?: unknown, retryAt?: Date): ProviderFailure {
  return new ProviderFailure('provider-down', 'The connection to the IMAP server was lost.', {
    code: 'imap-connection-lost',
    ...(retryAt && { retryAt }),
    ...(cause !== undefined && { cause: harmlessCause(cause) }),
  });
}

/**
 * A tagged NO or BAD: the session lives on, the command alone failed. The same goes for a command
 * that was never sent, because the name that a server listed would have ended it early.
 */
export function isRefusal(error: unknown): boolean {
  const { responseStatus, code } = factsOf(error);
  if (code === 'InvalidStringValue') return true;
  return (responseStatus === 'NO' || responseStatus === 'BAD') && code !== 'ETHROTTLE';
}

/** Whether a connection ended because nothing came for too long. */
export function isSilence(fault: unknown): boolean {
  const { code } = factsOf(fault);
  return code === 'ETIMEOUT' || code === 'ETIMEDOUT';
}

/** An answer beyond our bounds, or one that the parser could not make sense of. */
export function isBoundError(error: unknown): boolean {
  const { code } = factsOf(error);
  return typeof code === 'string' && boundCodes.has(code);
}

function loginFailed(cause: unknown): ProviderFailure {
  return failure(
    'auth-revoked',
    'imap-login-failed',
    'The IMAP server refused the login. Check user name and password; some providers want an ' +
      'app password.',
    cause,
  );
}

function throttled(pauseMs: number, cause: unknown): ProviderFailure {
  const retryAt = new Date(Date.now() + Math.min(Math.max(pauseMs, 1_000), throttlePauseMaxMs));
  return new ProviderFailure('rate-limited', 'The IMAP server asks for a pause.', {
    code: 'imap-throttled',
    retryAt,
    cause: harmlessCause(cause),
  });
}

/** A failure in our words, with no more of its cause than may be logged. */
export function failure(
  kind: FailureKind,
  code: string,
  message: string,
  cause?: unknown,
): ProviderFailure {
  return new ProviderFailure(kind, message, {
    code,
    ...(cause !== undefined && { cause: harmlessCause(cause) }),
  });
}

/**
 * What may be logged of a library's error: its code and the server's verdict. The text is left
 * out, because servers quote addresses and imapflow quotes commands.
 */
function harmlessCause(error: unknown): Error {
  const { code, responseStatus, serverResponseCode } = factsOf(error);
  const words = [code, responseStatus, serverResponseCode].filter(
    (word) => typeof word === 'string' && /^[\w-]{1,40}$/.test(word),
  );
  return new Error(`imap: ${words.join(' ') || 'unknown fault'}`);
}

/** Of whatever was thrown. */
export function factsOf(error: unknown): ErrorFacts {
  return typeof error === 'object' && error !== null ? error : {};
}

/** Awaits a call of the library, its errors translated. */
export async function translated<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw translateError(error);
  }
}
