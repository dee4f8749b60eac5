import type { Mailboxes } from '../imap/mailboxes.ts';
import type { HostileCall, HostileScript } from './server.ts';

/** One way in which a server can do harm, and what has to become of it. */
export interface Behaviour {
  /** What the server does, to be read after "a server that". */
  name: string;
  script: HostileScript;
  /** The failure's code, which the member reads as the reason; `read` when the mailbox is read. */
  ends: string;
  /** Whose trouble it is; that of the backfill leaves a live connection live. */
  during?: 'backfill';
  /** Messages that are stored in the end, where the mailbox is read. */
  stored?: number;
  /** Why the others are not, by reason. */
  skipped?: Readonly<Record<string, number>>;
}

/** What every hostile account holds besides its own peculiarities. */
export const lettersCount = 6;

export function fillInbox(mailboxes: Mailboxes): void {
  for (let i = 1; i <= lettersCount; i += 1) {
    mailboxes.append('INBOX', letter(`No. ${i}`), { date: new Date('2026-11-01T09:00:00Z') });
  }
}

export function letter(subject: string, more: string[] = [], text = 'Some text.'): string {
  return [
    'From: Ann <ann@example.org>',
    'To: jane@example.com',
    `Subject: ${subject}`,
    `Message-ID: <${subject.replace(/\W/g, '')}@example.org>`,
    ...more,
    '',
    text,
    '',
  ].join('\r\n');
}

export const fetchesOutlines = ({ command }: HostileCall): boolean =>
  command.startsWith('UID FETCH') && command.includes('BODYSTRUCTURE');
export const fetchesText = ({ command }: HostileCall): boolean =>
  command.startsWith('UID FETCH') && command.includes('BODY.PEEK[1]');
export const isCommand =
  (name: string) =>
  ({ command }: HostileCall): boolean =>
    command.startsWith(name);

/** Plays an act when a command matches; everything else is honest. */
export function when(
  matches: (call: HostileCall) => boolean,
  act: (call: HostileCall) => Promise<string | null> | string | null,
): Pick<HostileScript, 'answer'> {
  return { answer: async (call) => (matches(call) ? await act(call) : undefined) };
}

/** The honest answer, altered. */
export function altered(
  matches: (call: HostileCall) => boolean,
  alter: (answer: string, call: HostileCall) => string,
): Pick<HostileScript, 'answer'> {
  return when(matches, async (call) => alter(await call.honest(), call));
}
