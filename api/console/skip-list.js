import { h, setText } from './dom.js';
import { createFoldList, listEntry } from './fold-list.js';
import { fullDate, plural, skipWords } from './words.js';

/** What was left out of the store, each with its reason. */
export function createSkipList(client, connectionId, { folderName }) {
  const path = `/v1/connections/${connectionId}/skips`;

  async function read(_total, limit) {
    const page = await client.get(`${path}?limit=${limit}`);
    const rows = [];
    for (const skip of page.data) rows.push(toRow(skip, await folderName(skip.folderId)));
    return rows;
  }

  function toRow(skip, folder) {
    const reason = skipWords[skip.reason] ?? skip.reason;
    const facts = `${folder} · UID ${skip.uid} · ${plural(skip.strikes, 'attempt')}`;
    const hint = h('p', { class: 'hint' }, h('bdi', {}, facts));
    const again = h('button', { type: 'button', class: 'button button-quiet' }, 'Try again');
    again.addEventListener('click', () => retry(skip, { again, hint }));
    const row = listEntry(reason, hint, again);
    row.title = `Left out since ${fullDate(skip.quarantinedAt ?? skip.createdAt)}`;
    return row;
  }

  async function retry(skip, { again, hint }) {
    again.disabled = true;
    try {
      await client.post(`${path}/${skip.id}/retry`);
      setText(hint, 'It is looked at again now.');
    } catch (error) {
      again.disabled = false;
      setText(hint, error.message);
    }
  }

  const { element, update } = createFoldList({ title: 'Left out', read });
  return { element, update: (facts) => update(facts?.skips ?? 0) };
}
