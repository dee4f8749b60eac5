import { defaultCapabilities } from '../imap/server.ts';
import { fillInbox, isCommand, lettersCount, when, type Behaviour } from './behaviour.ts';
import type { Wire } from './wire.ts';

const instead = (text: string) => async (wire: Wire) => {
  await wire.send(text);
  await wire.hang();
  return false;
};

/** Faults up to and including the login. */
export const openings: Behaviour[] = [
  {
    name: 'says nothing',
    script: { greet: instead('') },
    ends: 'imap-unreachable',
  },
  {
    name: 'greets with one byte a second',
    script: {
      greet: async (wire) => {
        await wire.drip(`* OK ${'x'.repeat(500)}\r\n`);
        return true;
      },
    },
    ends: 'imap-unreachable',
  },
  {
    name: 'speaks HTTP',
    script: { greet: instead('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n') },
    ends: 'imap-unreachable',
  },
  {
    name: 'speaks SSH',
    script: { greet: instead('SSH-2.0-OpenSSH_9.9\r\n') },
    ends: 'imap-unreachable',
  },
  {
    name: 'speaks SMTP',
    script: { greet: instead('220 mx.example.org ESMTP\r\n') },
    ends: 'imap-unreachable',
  },
  {
    name: 'greets without end',
    script: {
      greet: async (wire) => {
        await wire.send('* OK ');
        await wire.stream('x'.repeat(65_536));
        return false;
      },
    },
    ends: 'imap-unreachable',
  },
  {
    name: 'turns everybody away in its greeting',
    script: { greet: instead('* BYE too many connections\r\n') },
    ends: 'imap-connection-lost',
  },
  {
    name: 'lets everybody in (PREAUTH)',
    script: { greet: async (wire) => (await wire.send('* PREAUTH welcome\r\n'), true) },
    ends: 'imap-login-skipped',
  },
  {
    name: 'is silent after the login',
    script: when(isCommand('LOGIN'), async ({ wire }) => (await wire.hang(), null)),
    ends: 'imap-connection-lost',
  },
  {
    name: 'answers under tags that nobody used',
    script: { answer: ({ wire }) => (void wire.send('Z99 OK done\r\n'), '') },
    ends: 'imap-connection-lost',
  },
  {
    name: 'says BYE to the login',
    script: when(isCommand('LOGIN'), async ({ wire }) => {
      await wire.send('* BYE going down\r\n');
      return null;
    }),
    ends: 'imap-connection-lost',
  },
  {
    name: 'lists capabilities without end',
    script: when(isCommand('LOGIN'), async ({ wire }) => {
      await wire.stream('* CAPABILITY IMAP4rev1 X-MORE\r\n'.repeat(500));
      return null;
    }),
    ends: 'imap-connection-lost',
  },
  {
    name: 'offers compression',
    script: { capabilities: [...defaultCapabilities, 'COMPRESS=DEFLATE'], mailbox: fillInbox },
    ends: 'read',
    stored: lettersCount,
  },
];
