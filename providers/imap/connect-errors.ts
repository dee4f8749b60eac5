import { ProviderFailure } from '../../domain/failure.ts';
import { factsOf, failure, translateError } from './errors.ts';
import { certificateFault } from './tls-faults.ts';

/** How far a connection attempt had come when it failed. */
export type ConnectStage = 'before-greeting' | 'greeted' | 'session';

export function unreachable(cause?: unknown): ProviderFailure {
  return failure(
    'provider-down',
    'imap-unreachable',
    'No IMAP server answered at this host and port. Check both, and that the server is running.',
    cause,
  );
}

export function addressBlocked(): ProviderFailure {
  return failure(
    'invalid-request',
    'imap-address-blocked',
    'This host or port is not one that may be connected to: only public addresses and the ' +
      'ports 143 and 993, and the networks that the operator allows.',
  );
}

export function cleartextRefused(): ProviderFailure {
  return failure(
    'invalid-request',
    'imap-cleartext-refused',
    'Connections without TLS are not allowed here. Choose TLS or STARTTLS.',
  );
}

/**
 * Translates whatever a connection attempt threw. Until the peer has greeted as an IMAP server
 * every fault reads the same, so that the answer tells nothing about other services; only the
 * certificate of an allowed address is spoken of.
 */
export function translateConnectError(error: unknown, stage: ConnectStage): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  const facts = factsOf(error);
  const fault = certificateFault(facts.code);
  if (fault !== undefined) return tlsFailed(fault, error);
  if (stage === 'before-greeting') return unreachable(error);
  if (facts.tlsFailed === true) return tlsFailed('TLS could not be established', error);
  return translateError(error);
}

function tlsFailed(fault: string, cause: unknown): ProviderFailure {
  return failure(
    'provider-down',
    'imap-tls-failed',
    `The secure connection to the IMAP server failed: ${fault}.`,
    cause,
  );
}
