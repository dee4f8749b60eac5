import { ProviderFailure } from '../../domain/failure.ts';
import type { ImapAccount } from '../../domain/provider.ts';

/**
 * Control characters have no place in a user name or a token (RFC 9051 §9, RFC 7628 §3.1). A
 * password may hold any character but those that would end a line or, in SASL PLAIN, a field.
 * @throws ProviderFailure
 */
export function refuseInvalidCredentials({ username, password, accessToken }: ImapAccount): void {
  if (/\p{Cc}/u.test(username)) throw invalid('user name');
  if (/\p{Cc}/u.test(accessToken ?? '')) throw invalid('token');
  if (/[\r\n\u0000]/.test(password ?? '')) throw invalid('password');
}

/** A session that began without a login is nobody's in particular, least of all this member's. */
export function loginSkipped(): ProviderFailure {
  return new ProviderFailure(
    'auth-revoked',
    'The IMAP server lets everybody in without a login (PREAUTH), so it proves nothing about ' +
      'the account. Choose a server that asks for the login.',
    { code: 'imap-login-skipped' },
  );
}

function invalid(what: 'user name' | 'password' | 'token'): ProviderFailure {
  return new ProviderFailure(
    'invalid-request',
    `The ${what} contains characters that no IMAP server accepts, such as line breaks.`,
    { code: what === 'user name' ? 'imap-username-invalid' : 'imap-password-invalid' },
  );
}
