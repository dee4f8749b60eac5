import type { Credentials } from './first-people.ts';
import type { SampleMailbox } from './sample-mailbox.ts';

/** What `instance.json` tells scripts of a running instance; see the API's description. */
export interface Instance extends Credentials {
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

/** What a person reads when everything runs: where to look, and the first thing to do. */
export function welcome(instance: Instance, folder: string): string {
  const { host, port, username, password } = instance.sampleMailbox;
  const body = {
    provider: 'imap',
    memberId: instance.memberId,
    capabilities: ['mail'],
    imap: { host, port, security: 'none', username, password },
  };
  return `
Steward runs. This is a sandbox: do not connect a mailbox that matters.

  Console        ${instance.consoleUrl}
  API reference  ${instance.apiUrl}/docs
  Temporal UI    ${instance.temporalUiUrl ?? 'that of the server you named'}
  Data and logs  ${folder}

Connect the sample mailbox with the console's button, or:

curl ${instance.apiUrl}/v1/connections \\
  -H 'Authorization: Bearer ${instance.apiKey}' -H 'Steward-Member: ${instance.memberId}' \\
  -H 'Content-Type: application/json' \\
  -d '${JSON.stringify(body)}'

Ctrl-C stops everything; the next \`npm start\` goes on from here.`;
}
