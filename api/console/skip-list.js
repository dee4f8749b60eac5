import { h, setText } from './dom.js';
import { count, fullDate, plural, skipWords } from './words.js';

/** More are read through the API; a list that long needs more than a page to be worked through. */
const shownMax = 50;

/** What was left out of the store, each with its reason. */
export function createSkipList(client, connectionId, { folderName }) {
  let total = 0;
  let loaded = -1;
  const summary = h('summary');
  const note = h('p', { class: 'hint', role: 'status' }, 'Reading the list …');
  const list = h('ul', { class: 'skips' });
  const element = h('details', { class: 'fold', hidden: true, ontoggle: () => refresh() });
  element.append(summary, note, list);

  async function refresh() {
    if (!element.open || loaded === total) return;
    loaded = total;
    try {
      await load();
    } catch (error) {
      loaded = -1;
      setText(note, error.message);
      note.hidden = false;
    }
  }

  async function load() {
    const page = await client.get(`/v1/connections/${connectionId}/skips?limit=${shownMax}`);
    const rows = [];
    for (const skip of page.data) rows.push(toRow(skip, await folderName(skip.folderId)));
    list.replaceChildren(...rows);
    setText(
      note,
      page.nextCursor ? `The first ${count(shownMax)}; the API lists all of them.` : '',
    );
    note.hidden = note.textContent === '';
  }

  function toRow(skip, folder) {
    const reason = skipWords[skip.reason] ?? skip.reason;
    const facts = `${folder} · UID ${skip.uid} · ${plural(skip.strikes, 'attempt')}`;
    const hint = h('p', { class: 'hint' }, h('bdi', {}, facts));
    const again = h('button', { type: 'button', class: 'button button-quiet' }, 'Try again');
    again.addEventListener('click', () => retry(skip, { again, hint }));
    const row = h('li', {}, h('div', {}, h('p', {}, reason), hint), again);
    row.title = `Left out since ${fullDate(skip.quarantinedAt ?? skip.createdAt)}`;
    return row;
  }

  async function retry(skip, { again, hint }) {
    again.disabled = true;
    try {
      await client.post(`/v1/connections/${connectionId}/skips/${skip.id}/retry`);
      setText(hint, 'It is looked at again now.');
    } catch (error) {
      again.disabled = false;
      setText(hint, error.message);
    }
  }

  return {
    element,
    update(facts) {
      total = facts?.skips ?? 0;
      element.hidden = total === 0;
      setText(summary, `Left out (${count(total)})`);
      void refresh();
    },
  };
}
