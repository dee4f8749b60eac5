import { fstatSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { owner } from './sample/letter.ts';
import { openSampleMailbox } from './sample/mailbox.ts';
import { createImapEmulator } from './server.ts';

/**
 * The sample mailbox as a process of its own:
 * `node test/emulators/imap/main.ts --port <port> --state <folder>`.
 * It says on which port it listens, and ends on SIGTERM or with the pipe on its standard input.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    state: { type: 'string' },
    'arrival-ms': { type: 'string', default: '20000' },
    password: { type: 'string', default: 'sample' },
    // Tells whose process it is; read by nobody here.
    instance: { type: 'string' },
  },
});
if (values.state === undefined) throw new Error('--state names the folder that keeps the mailbox');

const sample = openSampleMailbox(values.state);
const server = await createImapEmulator({
  port: Number(values.port),
  users: { [owner.address]: values.password },
  accounts: { [owner.address]: sample.mailboxes },
  keepCommands: false,
});
console.log(`sample mailbox ready on port ${server.port}`);
setInterval(sample.liveOn, Number(values['arrival-ms']));

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit());
// Only a pipe tells of its other end; a null device or a file ends at once.
const input = fstatSync(0);
if (input.isFIFO() || input.isSocket()) process.stdin.resume().once('end', () => process.exit());
