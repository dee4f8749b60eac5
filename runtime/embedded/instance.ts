import path from 'node:path';
import type { KeyName, People } from './first-people.ts';
import type { SampleMailbox } from './sample-mailbox.ts';

/** What `instance.json` tells scripts of a running instance; see the API's description. */
export interface Instance extends People {
  apiUrl: string;
  consoleUrl: string;
  temporalUiUrl: string | undefined;
  temporalAddress: string;
  temporalNamespace: string;
  /** The superuser's, for inspection. */
  databaseUrl: string;
  keysDatabaseUrl: string;
  sampleMailbox: SampleMailbox;
  /** Of the supervisor and of everything that it keeps running. */
  pids: Record<string, number>;
}

/** The console's address, with the key that opens it if there is one. */
export function consoleUrl(apiUrl: string, { apiKey, memberId, revokedKeys }: People): string {
  const opened = revokedKeys?.includes('apiKey') ? '' : `#key=${apiKey}&member=${memberId}`;
  return `${apiUrl}/${opened}`;
}

/** What a person reads when everything runs: where to look, and the first thing to do. */
export function welcome(instance: Instance, folder: string): string {
  const revoked = instance.revokedKeys ?? [];
  const parts = [
    `
Steward runs. This is a sandbox: do not connect a mailbox that matters.

  Console        ${instance.consoleUrl}
  API reference  ${instance.apiUrl}/docs
  Temporal UI    ${instance.temporalUiUrl ?? 'that of the server you named'}
  Data and logs  ${folder}`,
    ...revoked.map((name) => aboutRevoked(name, path.join(folder, 'credentials.json'))),
    ...(revoked.includes('apiKey') ? [] : [firstThing(instance)]),
    'Ctrl-C stops everything; the next `npm start` goes on from here.',
  ];
  return parts.join('\n\n');
}

const replacement: Record<KeyName, string> = {
  operatorKey: 'an operator’s that stands (OPERATIONS.md tells how to make one)',
  apiKey: 'one of that tenant which stands (another of its keys makes one: POST /v1/api-keys)',
};

function aboutRevoked(name: KeyName, file: string): string {
  return `The ${name} in ${file} was revoked.\nPut there ${replacement[name]}.`;
}

function firstThing({ apiUrl, apiKey, memberId, sampleMailbox }: Instance): string {
  const { host, port, username, password } = sampleMailbox;
  const body = {
    provider: 'imap',
    memberId,
    capabilities: ['mail'],
    imap: { host, port, security: 'none', username, password },
  };
  return `Connect the sample mailbox with the console's button, or:

curl ${apiUrl}/v1/connections \\
  -H 'Authorization: Bearer ${apiKey}' -H 'Steward-Member: ${memberId}' \\
  -H 'Content-Type: application/json' \\
  -d '${JSON.stringify(body)}'`;
}
