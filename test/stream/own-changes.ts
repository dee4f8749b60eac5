import type { MessageChangeBody } from '../../api/schemas/intents.ts';
import type { FolderView } from '../../api/schemas/mail.ts';
import type { Random } from '../emulators/imap/sample/random.ts';
import type { OperatedMailbox } from '../support/operated-mailbox.ts';
import type { Answer } from '../support/api.ts';
import { drawName, isWithin, separator } from './folder-names.ts';
import { drawRequest, keywords, type Request } from './own-requests.ts';
import { tokenHeader } from './letters.ts';
import type { OtherClient } from './other-client.ts';

/** A message as it was shown when a change of it was asked for, and is to be. */
export interface Promised {
  read: boolean;
  flagged: boolean;
  labels: string[];
  /** Names of folders, as they were when it was asked. */
  folders: string[];
}

/** One change that the API accepted. */
export type Asked = {
  /** Public ids. */
  intents: string[];
} & (
  | {
      about: 'letter';
      token: string;
      message: string;
      /** Where it lay, as the API showed it. */
      folder: string;
      uid: number | undefined;
      /** What was asked for; undefined when it is to be deleted, and then nothing is promised. */
      change: MessageChangeBody | undefined;
      promised: Promised | undefined;
    }
  | { about: 'folder'; from: string | undefined; to: string | undefined }
);

/** Changes that Steward is asked for, drawn by chance from what its API shows. */
export interface OwnChanges {
  /** Accepted since the last checkpoint. */
  readonly asked: Asked[];
  /** Asks for one kind of change, of one message or a few. */
  ask(): Promise<void>;
  forget(): void;
}

/** People mark a few at once; every one of them is an intent of its own. */
const messagesMax = 3;

export function createOwnChanges(
  mailbox: OperatedMailbox,
  client: OtherClient,
  random: Random,
): OwnChanges {
  const asked: Asked[] = [];
  const asking: Asking = { mailbox, client, random, asked };
  return {
    asked,
    ask: async () => {
      const request = drawRequest(random);
      const folders = await listFolders(asking);
      if (request.about === 'folder') await askOfFolder(asking, request, folders);
      else await askOfLetters(asking, request, folders);
    },
    forget: () => void asked.splice(0),
  };
}

interface Asking {
  mailbox: OperatedMailbox;
  client: OtherClient;
  random: Random;
  asked: Asked[];
}

async function listFolders({ mailbox }: Asking): Promise<FolderView[]> {
  const route = `/v1/folders?connection=${mailbox.id}&limit=200`;
  const { status, body } = await mailbox.asOwner('GET', route);
  if (status !== 200) throw new Error(`the folders: ${status}`);
  return body.data as unknown as FolderView[];
}

async function askOfLetters(
  asking: Asking,
  request: Extract<Request, { about: 'letter' }>,
  folders: FolderView[],
): Promise<void> {
  const { mailbox, random } = asking;
  const folder = random.pick(folders);
  const { body } = await mailbox.asOwner('GET', `/v1/messages?folder=${folder.id}&limit=50`);
  const shown = body.data ?? [];
  if (shown.length === 0) return;
  const count = 1 + random.int(messagesMax);
  const target = random.pick(folders);
  for (const id of new Set(Array.from({ length: count }, () => random.pick(shown)['id']))) {
    await askOfLetter(asking, request, { id: String(id), target, folders });
  }
}

async function askOfLetter(
  asking: Asking,
  { method, change }: Extract<Request, { about: 'letter' }>,
  { id, target, folders }: { id: string; target: FolderView; folders: FolderView[] },
): Promise<void> {
  const { mailbox, client, asked } = asking;
  const detail = await mailbox.asOwner('GET', `/v1/messages/${id}`);
  if (detail.status === 404) return;
  const body = change?.folder === undefined ? change : { ...change, folder: target.id };
  const answer = await mailbox.asOwner(method, `/v1/messages/${id}`, body);
  if (!isAccepted(answer)) return;
  const headers = detail.body['headers'] as { name: string; value: string }[];
  const token = headers.find(({ name }) => name === tokenHeader)?.value ?? '';
  const names = new Map(folders.map((folder) => [folder.id, nameOf(folder)]));
  const promised = readPromised(answer, names);
  const intents = answer.body['intents'] as string[];
  const [place] = detail.body['folders'] as { id: string; uid?: number }[];
  const [folder, uid] = [names.get(place?.id ?? '') ?? '', place?.uid];
  asked.push({ about: 'letter', token, message: id, folder, uid, change, promised, intents });
  client.journal.note({
    ...{ kind: `asked of letter ${token}: ${JSON.stringify(change ?? 'delete')}`, folder },
    uids: uid === undefined ? [] : [uid],
    target: change?.folder && nameOf(target),
  });
}

function readPromised({ body }: Answer, names: Map<string, string>): Promised | undefined {
  const message = body['message'] as
    | (Omit<Promised, 'folders'> & { folders: { id: string }[] })
    | undefined;
  if (!message) return undefined;
  const { read, flagged, labels } = message;
  const folders = message.folders.map(({ id }) => names.get(id) ?? '');
  return { read, flagged, labels: labels.filter((name) => keywords.includes(name)), folders };
}

async function askOfFolder(
  asking: Asking,
  { what }: Extract<Request, { about: 'folder' }>,
  folders: FolderView[],
): Promise<void> {
  const { mailbox, random } = asking;
  const to = what === 'delete' ? undefined : drawName(random, folders.map(nameOf));
  if (what !== 'delete' && to === undefined) return;
  const path = to?.split(separator);
  if (what === 'create') {
    const answer = await mailbox.asOwner('POST', '/v1/folders', { connectionId: mailbox.id, path });
    note(asking, answer, { from: undefined, to });
    return;
  }
  const own = folders.filter(({ role }) => role === null);
  if (own.length === 0) return;
  const folder = random.pick(own);
  const from = nameOf(folder);
  if (to !== undefined && isWithin(to, from)) return;
  const method = what === 'delete' ? 'DELETE' : 'PATCH';
  note(asking, await mailbox.asOwner(method, `/v1/folders/${folder.id}`, path && { path }), {
    from,
    to,
  });
}

function note(
  { client, asked }: Asking,
  answer: Answer,
  { from, to }: { from: string | undefined; to: string | undefined },
): void {
  if (!isAccepted(answer)) return;
  const intents = answer.body['intents'] as string[];
  asked.push({ about: 'folder', from, to, intents });
  for (const name of [from, to]) {
    if (name !== undefined) client.touches.folder(name, intents.join());
  }
  const kind = from === undefined ? 'create' : to === undefined ? 'delete' : 'rename';
  client.journal.note({
    ...{ kind: `asked to ${kind}`, folder: from ?? to ?? '', uids: [] },
    target: from === undefined ? undefined : to,
  });
}

/** What was shown, the message or the folder to move it to, may be gone; there may be no trash. */
function isAccepted({ status, body }: Answer): boolean {
  if (status === 202) return true;
  const errors = (body['errors'] ?? []) as { field: string; message: string }[];
  const isGone = errors.some(
    ({ field, message }) =>
      field === 'trash' || (field === 'folder' && message.startsWith('Names no folder')),
  );
  if (status === 404 || (status === 400 && isGone)) return false;
  throw new Error(`the API answered ${status}: ${JSON.stringify(body)}`);
}

function nameOf({ path }: Pick<FolderView, 'path'>): string {
  return path.join(separator);
}
