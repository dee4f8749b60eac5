import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { FailureKind, ProviderFailure } from '../domain/failure.ts';
import { toPublicId } from '../domain/ids.ts';
import type { ApiEnv } from './context.ts';

export interface FieldError {
  /** Where in the request, for example `imap.port`. */
  field: string;
  message: string;
}

export interface ProblemOptions {
  errors?: FieldError[];
  provider?: string;
  providerStatus?: string;
  retryAt?: Date;
  retryAfterSeconds?: number;
  /** Members of a particular problem, for example the id of what exists already. */
  extra?: Record<string, string>;
  cause?: unknown;
}

/** Every code that a client may meet, with its status and title. Codes are stable. */
export const problemCodes = {
  'invalid-request': [400, 'The request is not valid'],
  'invalid-cursor': [400, 'The cursor is not valid'],
  'member-required': [400, 'This route acts for a member'],
  unauthorized: [401, 'The key is missing or not valid'],
  forbidden: [403, 'Not allowed'],
  'scope-missing': [403, 'The key lacks a scope'],
  'not-the-owner': [403, 'The mailbox is another member’s'],
  'unknown-member': [404, 'There is no such member'],
  'not-found': [404, 'There is nothing here'],
  'source-not-kept': [404, 'The source is not kept'],
  'attachment-not-kept': [404, 'The attachment is not kept'],
  'method-not-allowed': [405, 'This route has no such method'],
  'duplicate-connection': [409, 'The account is connected already'],
  'duplicate-member': [409, 'There is a member with this address'],
  'idempotency-mismatch': [409, 'The Idempotency-Key belongs to another request'],
  'idempotency-in-flight': [409, 'The first request with this Idempotency-Key still runs'],
  'idempotency-answer-lost': [409, 'The request was carried out, but its answer is lost'],
  'another-account': [409, 'These are the credentials of another account'],
  'last-owner': [409, 'The tenant would have no owner'],
  'last-key': [409, 'The tenant would have no API key with every scope'],
  'member-left': [409, 'The member has left'],
  'folder-protected': [409, 'The folder has a role of its own'],
  'deletions-changed': [409, 'Another number of deletions is held'],
  'connection-disconnected': [409, 'The connection is disconnected'],
  'payload-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body must be JSON'],
  'imap-login-failed': [422, 'The server refused the login'],
  'imap-tls-failed': [422, 'No safe connection to the server'],
  'imap-unreachable': [422, 'The server can not be reached'],
  'imap-address-blocked': [422, 'The address is not allowed'],
  'imap-cleartext-refused': [422, 'Connections without TLS are not allowed'],
  'provider-refused': [422, 'The provider refused'],
  'rate-limited': [429, 'Too many requests'],
  'too-many-pending': [429, 'Too many changes wait to be carried out'],
  'internal-error': [500, 'Something went wrong'],
  'provider-unavailable': [503, 'The provider can not be used now'],
  unavailable: [503, 'Steward can not answer now'],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>;

export type ProblemCode = keyof typeof problemCodes;

/** A failure as the client will read it: RFC 9457 with a stable code. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly code: ProblemCode;
  readonly options: ProblemOptions;

  /** `detail` is read by the client's developer: a sentence that helps, never other people's data. */
  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.options = options;
  }
}

export const notFound = (detail = 'There is nothing with this id.') =>
  new HttpProblem('not-found', detail);

/** One field is wrong in a way that the schema can't say. */
export function invalidField(field: string, message: string): HttpProblem {
  return new HttpProblem('invalid-request', `${field}: ${message}`, {
    errors: [{ field, message }],
  });
}

/** The account has a connection; the answer names it. */
export function duplicateConnection(
  id: string,
  detail = 'This account is connected already; use the connection named in connectionId.',
): HttpProblem {
  const extra = { connectionId: toPublicId('connection', id) };
  return new HttpProblem('duplicate-connection', detail, { extra });
}

export const duplicateMember = () =>
  new HttpProblem('duplicate-member', 'A present member has this e-mail address.');

export const absentOwner = () =>
  new HttpProblem('unknown-member', 'memberId names no present member of this tenant.');

export const disconnected = () =>
  new HttpProblem(
    'connection-disconnected',
    'Connect the account again with POST /v1/connections; it goes on where it stopped.',
  );

export const inFlight = () =>
  new HttpProblem(
    'idempotency-in-flight',
    'The first request with this Idempotency-Key has not answered yet; try again shortly.',
    { retryAfterSeconds: 1 },
  );

/** Puts a problem on the wire. */
export function sendProblem(c: Context<ApiEnv>, problem: HttpProblem): Response {
  const [status, title] = problemCodes[problem.code];
  const { errors, provider, providerStatus, retryAt, retryAfterSeconds, extra } = problem.options;
  const body = {
    type: `urn:steward:problem:${problem.code}`,
    title,
    status,
    code: problem.code,
    detail: problem.message,
    requestId: c.get('requestId'),
    ...(errors && { errors }),
    ...(provider && { provider }),
    ...(providerStatus && { providerStatus }),
    ...(retryAt && { retryAt: retryAt.toISOString() }),
    ...extra,
  };
  const waitSeconds = retryAfterSeconds ?? (retryAt && secondsUntil(retryAt));
  if (waitSeconds !== undefined) c.header('Retry-After', String(waitSeconds));
  if (status === 401) c.header('WWW-Authenticate', 'Bearer');
  c.set('problemCode', problem.code);
  return c.body(JSON.stringify(body), status, { 'Content-Type': 'application/problem+json' });
}

/** A provider's failure at the HTTP edge: told apart from ours, with the adapter's own sentence. */
export function fromProviderFailure(failure: ProviderFailure, provider: string): HttpProblem {
  const named = failure.code !== undefined && failure.code in problemCodes;
  const code = named ? (failure.code as ProblemCode) : codeOfKind(failure.kind);
  return new HttpProblem(code, failure.message, {
    provider,
    providerStatus: failure.code ?? failure.kind,
    ...(failure.retryAt && { retryAt: failure.retryAt }),
    cause: failure,
  });
}

function codeOfKind(kind: FailureKind): ProblemCode {
  switch (kind) {
    case 'auth-revoked':
      return 'imap-login-failed';
    case 'rate-limited':
    case 'quota-exhausted':
    case 'provider-down':
    case 'outcome-unknown':
      return 'provider-unavailable';
    default:
      return 'provider-refused';
  }
}

function secondsUntil(instant: Date): number {
  return Math.max(1, Math.ceil((instant.getTime() - Date.now()) / 1000));
}
