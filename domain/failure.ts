/**
 * The closed set of ways in which a provider can fail us. An adapter translates once, at its edge;
 * what is retried, what the member reads and which state the connection shows follow from the kind.
 */
export const failureKinds = [
  'auth-revoked',
  'permission-missing',
  'admin-action-needed',
  'rate-limited',
  'quota-exhausted',
  'cursor-expired',
  'not-found',
  'conflict',
  'gone',
  'invalid-request',
  'too-large',
  'provider-down',
  'operator-misconfigured',
  'outcome-unknown',
] as const;

export type FailureKind = (typeof failureKinds)[number];

export interface FailureOptions {
  /** A stable code that says more than the kind, for example `imap-tls-failed`. Never content. */
  code?: string;
  /** When the provider allows the next attempt. */
  retryAt?: Date;
  cause?: unknown;
}

/**
 * A provider's failure after translation. `message` is written by us, for members and operators:
 * it never quotes the provider, because providers quote addresses.
 */
export class ProviderFailure extends Error {
  override readonly name = 'ProviderFailure';
  readonly kind: FailureKind;
  readonly code: string | undefined;
  readonly retryAt: Date | undefined;

  constructor(kind: FailureKind, message: string, options: FailureOptions = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.code = options.code;
    this.retryAt = options.retryAt;
  }
}

/** The provider has asked to be left alone, and still is: it was not asked now. */
export class ProviderPause extends Error {
  override readonly name = 'ProviderPause';
  /** How long that lasts. */
  readonly ms: number;

  constructor(ms: number) {
    super('The provider asked for a pause.');
    this.ms = ms;
  }
}

/** A page that cannot be encoded as a whole: one of its items is more than the encoder can take. */
export class PoisonedPageError extends Error {
  override readonly name = 'PoisonedPageError';
}

/** Whether asking once more is pointless: what was asked for is refused, the sync goes on. */
export function isRefusedForGood({ kind }: ProviderFailure): boolean {
  return refusals.has(kind);
}

const refusals: ReadonlySet<FailureKind> = new Set([
  'permission-missing',
  'not-found',
  'conflict',
  'gone',
  'invalid-request',
  'too-large',
]);

/**
 * The code of a refusal without a reason. It may be one of the moment (mail arrived while a folder
 * was deleted), so it is taken at its word the second time.
 */
export const unexplainedCode = 'imap-write-refused';

/**
 * The code of a folder at which the server ends the connection, while another one can be read: it
 * concerns that folder alone, for as long as it lasts.
 */
export const folderHangsUpCode = 'imap-folder-hangs-up';

/** Another slice of the same loop has moved the position meanwhile: what was read is out of date. */
export class OvertakenError extends Error {
  override readonly name = 'OvertakenError';
}

/** The fence found another epoch or generation: the work's licence to write has ended. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}
