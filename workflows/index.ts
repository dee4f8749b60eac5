export { imapWatch } from './imap-watch.ts';
export { mailboxSync } from './mailbox-sync.ts';
