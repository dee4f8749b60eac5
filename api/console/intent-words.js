/** What the console says about changes that were asked for. Pure: no document, no clock. */
import { failureWords, plural } from './words.js';

/** `3 changes on their way`; empty while nothing waits. */
export function pendingSentence({ pending }) {
  if (pending === 0) return '';
  return `${plural(pending, 'change')} on ${pending === 1 ? 'its' : 'their'} way to the server`;
}

/** What was asked for. */
export const intentWords = {
  flags: 'Change flags or labels',
  move: 'Move a message',
  delete: 'Delete a message for good',
  'create-folder': 'Create a folder',
  'rename-folder': 'Rename a folder',
  'delete-folder': 'Delete a folder',
};

/** Why it was refused. */
export function refusalWords(reason) {
  return refusals[reason] ?? failureWords[reason] ?? reason;
}

const refusals = {
  'no-effect': 'the server accepted it again and again, and nothing changed',
  'message-gone': 'the message is no longer there',
  'folder-not-synced': 'the message is in a folder that is not imported',
  'imap-folder-missing': 'the folder is no longer there',
  'imap-folder-exists': 'there is a folder with this name',
  'imap-folder-has-children': 'there are folders inside this one',
  'imap-folder-name-invalid': "the name contains the server's separator of folders",
  'imap-flag-not-kept': 'the server keeps no such flag or keyword in this folder',
  'imap-label-not-kept': 'the server took the label and does not show it',
  'imap-label-not-writable': 'the server gives and takes this label itself',
  'imap-limit-reached': "the server's limit for this is reached",
  'imap-over-quota': 'the mailbox is full',
  'imap-removal-unsupported': 'the server cannot remove single messages',
  'imap-write-delayed': 'the server could not do it, however often it was asked',
  'imap-write-impossible': 'the server can never do this',
  'imap-write-not-permitted': 'the account may only read here',
  'imap-write-refused': 'the server refused it without a reason',
  'imap-refused': 'the server refused a command',
  'imap-connection-lost': 'the connection broke off each time',
  'imap-response-too-large': 'the server answered with more than Steward reads',
  'imap-answer-cut-off': 'the server carried it out in part, however often it was asked',
  'imap-too-slow': 'the server did not finish its answer',
  'imap-uidvalidity-changed': 'the folder was renumbered meanwhile',
};
