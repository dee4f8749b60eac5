import { getStatusCode } from 'imapflow/lib/tools.js';
import {
  unexplainedCode,
  type FailureKind,
  type ProviderFailure,
} from '../../../domain/failure.ts';
import { failure, isRefusal, translateError } from '../errors.ts';

/** What a server's NO means for a change, by its response code (RFC 5530, RFC 9051 §7.1). */
const meanings: Record<string, readonly [FailureKind, string, string]> = {
  NOPERM: ['permission-missing', 'imap-write-not-permitted', 'The account may not do this.'],
  CANNOT: ['invalid-request', 'imap-write-impossible', 'The server can never do this.'],
  OVERQUOTA: ['too-large', 'imap-over-quota', 'The mailbox is full. Make room, then ask again.'],
  MESSAGELIMIT: ['too-large', 'imap-limit-reached', 'The server’s limit for this is reached.'],
  LIMIT: ['too-large', 'imap-limit-reached', 'The server’s limit for this is reached.'],
  TOOBIG: ['too-large', 'imap-limit-reached', 'The server’s limit for this is reached.'],
  ALREADYEXISTS: ['conflict', 'imap-folder-exists', 'There is a folder with this name.'],
  HASCHILDREN: ['conflict', 'imap-folder-has-children', 'There are folders inside this one.'],
  NONEXISTENT: ['not-found', 'imap-folder-missing', 'The folder is no longer there.'],
  TRYCREATE: ['not-found', 'imap-folder-missing', 'The folder is no longer there.'],
};

/** Codes that speak of the moment, not of what was asked for. */
const passing = new Set(['UNAVAILABLE', 'INUSE', 'SERVERBUG', 'EXPUNGEISSUED', 'CONTACTADMIN']);

/**
 * Translates an error of a changing command. A refusal is one of what was asked for; when the
 * connection broke off, nobody knows whether the server has carried it out.
 */
export function translateWriteError(error: unknown): ProviderFailure {
  const translated = translateError(error);
  if (isRefusal(error)) {
    const code = responseCode(error);
    if (passing.has(code)) {
      return failure('provider-down', 'imap-write-delayed', 'The server can not do it now.', error);
    }
    const meaning = Object.hasOwn(meanings, code) ? meanings[code] : undefined;
    return meaning ? failure(...meaning, error) : writeRefused(error);
  }
  if (translated.code !== 'imap-connection-lost') return translated;
  return failure(
    'outcome-unknown',
    'imap-connection-lost',
    'The connection was lost before the server answered.',
    error,
  );
}

/** Awaits a changing call of the library, its errors translated. */
export async function translatedWrite<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw translateWriteError(error);
  }
}

export function notPermitted(): ProviderFailure {
  return failure(
    'permission-missing',
    'imap-write-not-permitted',
    'The server opens this folder for reading only.',
  );
}

export function flagNotKept(): ProviderFailure {
  return failure(
    'invalid-request',
    'imap-flag-not-kept',
    'The server keeps no such flag or keyword in this folder.',
  );
}

export function labelNotWritable(): ProviderFailure {
  return failure(
    'invalid-request',
    'imap-label-not-writable',
    'The host gives and takes this label itself; of its own ones only \\Inbox, \\Important and ' +
      '\\Starred can be changed.',
  );
}

export function labelNotKept(): ProviderFailure {
  return failure(
    'invalid-request',
    'imap-label-not-kept',
    'The host took the label and does not show it.',
  );
}

export function removalUnsupported(): ProviderFailure {
  return failure(
    'invalid-request',
    'imap-removal-unsupported',
    'The server can not remove single messages (neither MOVE nor UIDPLUS), only everything that ' +
      'is marked as deleted.',
  );
}

export function folderMissing(cause: unknown): ProviderFailure {
  return failure('not-found', 'imap-folder-missing', 'The folder is no longer there.', cause);
}

export function folderNameInvalid(): ProviderFailure {
  return failure(
    'invalid-request',
    'imap-folder-name-invalid',
    'A folder’s name may not contain the server’s separator of folders.',
  );
}

function writeRefused(cause: unknown): ProviderFailure {
  return failure('invalid-request', unexplainedCode, 'The server refused it.', cause);
}

function responseCode(error: unknown): string {
  const facts: { serverResponseCode?: unknown; response?: unknown } =
    typeof error === 'object' && error !== null ? error : {};
  if (typeof facts.serverResponseCode === 'string') return facts.serverResponseCode;
  return getStatusCode(facts.response as Parameters<typeof getStatusCode>[0]) || '';
}
