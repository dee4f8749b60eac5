import { atMostEvery } from './backoff.js';
import { h, setText } from './dom.js';
import { count } from './words.js';

/** Counts of folders may lag a little behind the bar; one request asks for all of them. */
const refreshIntervalMs = 3_000;
/** The API's largest page. */
const pageSize = 200;
/** Far above any mailbox seen; the list says when it stops. */
const foldersMax = 2_000;

/** A connection's folders with their counts; read only while somebody looks at them. */
export function createFolderList(client, connectionId) {
  let folders = [];
  const summary = h('summary', {}, 'Folders');
  const note = h('p', { class: 'hint', role: 'status' }, 'Reading the folders …');
  const rows = h('tbody');
  const head = h(
    'tr',
    {},
    h('th', { scope: 'col' }, 'Folder'),
    ...headers('Stored', 'At the server'),
  );
  const table = h('table', { hidden: true }, h('thead', {}, head), rows);
  const element = h('details', { class: 'fold', ontoggle: () => refresh() }, summary, note, table);

  const refresh = atMostEvery(refreshIntervalMs, async () => {
    if (!element.open) return;
    await load().catch((error) => setText(note, error.message));
  });

  async function load() {
    folders = await readFolders(client, connectionId);
    rows.replaceChildren(...folders.map(toRow));
    table.hidden = folders.length === 0;
    setText(note, noteFor(folders.length));
    note.hidden = note.textContent === '';
    setText(summary, `Folders (${count(folders.length)})`);
  }

  return {
    element,
    /** Something about the connection moved. */
    update: () => refresh(),
    /** The name of a folder, reading the list when it isn't known yet. */
    async nameOf(folderId) {
      if (!folders.some((folder) => folder.id === folderId)) await load();
      return pathOf(folders.find((folder) => folder.id === folderId));
    },
  };
}

async function readFolders(client, connectionId) {
  const folders = [];
  let cursor = null;
  do {
    const query = new URLSearchParams({ connection: connectionId, limit: String(pageSize) });
    if (cursor) query.set('cursor', cursor);
    const page = await client.get(`/v1/folders?${query}`);
    folders.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor && folders.length < foldersMax);
  return folders;
}

function headers(...names) {
  return names.map((name) => h('th', { scope: 'col', class: 'number' }, name));
}

function toRow(folder) {
  const name = h('th', { scope: 'row' }, h('bdi', {}, pathOf(folder)));
  if (folder.excluded) name.append(h('span', { class: 'tag' }, 'kept out'));
  return h(
    'tr',
    {},
    name,
    h('td', { class: 'number' }, count(folder.stored)),
    h('td', { class: 'number' }, count(folder.expected)),
  );
}

function pathOf(folder) {
  return folder ? folder.path.join(' / ') : 'a folder that is gone';
}

function noteFor(length) {
  if (length === 0) return 'No folders yet: they appear with the first look at the server.';
  return length >= foldersMax ? `The first ${count(foldersMax)} folders.` : '';
}
