import type { ImapFlow, ListResponse, StatusQuery } from 'imapflow';
import { ProviderFailure } from '../../domain/failure.ts';
import { translated } from './errors.ts';

/** Every message of a Gmail account lies in one of these; its other folders are labels. */
const holders = ['\\All', '\\Junk', '\\Trash'];

/** A host with Gmail's extensions; the capability tells, whatever the host is called. */
export function isGmail({ capabilities }: Pick<ImapFlow, 'capabilities'>): boolean {
  return capabilities.has('X-GM-EXT-1');
}

/**
 * All Mail, Spam and Trash, found by their special use, with their counters.
 * @throws ProviderFailure when the member has hidden All Mail from IMAP
 */
export async function gmailFolders(
  client: ImapFlow,
  entries: readonly ListResponse[],
  counters: StatusQuery,
): Promise<ListResponse[]> {
  const folders = entries.filter(
    ({ specialUse = '', specialUseSource }) =>
      holders.includes(specialUse) && specialUseSource === 'extension',
  );
  if (!folders.some(({ specialUse }) => specialUse === '\\All')) throw allMailHidden();
  for (const folder of folders) {
    const status = await translated(client.status(folder.path, counters));
    if (status) folder.status = status;
  }
  return folders;
}

function allMailHidden(): ProviderFailure {
  return new ProviderFailure(
    'permission-missing',
    'The folder "All Mail" is hidden from IMAP. Turn on "Show in IMAP" for it in the label ' +
      'settings of the mailbox.',
    { code: 'imap-all-mail-hidden' },
  );
}
