import { h, setText } from './dom.js';
import { count } from './words.js';

/** More are read through the API; a list that long needs more than a page to be worked through. */
const shownMax = 50;

/**
 * A list behind a fold, with its number in the title: read while somebody looks at it, and again
 * whenever the number moved. `read(total, limit)` resolves to its rows.
 */
export function createFoldList({ title, read }) {
  let total = 0;
  let loaded = -1;
  const summary = h('summary');
  const note = h('p', { class: 'hint', role: 'status' }, 'Reading the list …');
  const list = h('ul', { class: 'entries' });
  const element = h('details', { class: 'fold', hidden: true, ontoggle: () => refresh() });
  element.append(summary, note, list);

  async function refresh() {
    if (!element.open || loaded === total) return;
    const asked = total;
    loaded = asked;
    try {
      const rows = await read(asked, shownMax);
      // A later answer is newer, whichever comes first.
      if (loaded !== asked) return;
      list.replaceChildren(...rows);
      tell(asked > shownMax ? `The first ${count(shownMax)}; the API lists all of them.` : '');
    } catch (error) {
      loaded = -1;
      tell(error.message);
    }
  }

  function tell(text) {
    setText(note, text);
    note.hidden = text === '';
  }

  return {
    element,
    update(next) {
      total = next;
      element.hidden = total === 0;
      setText(summary, `${title} (${count(total)})`);
      void refresh();
    },
  };
}

/** An entry of such a list: what it is, a line of facts below, and what can be done about it. */
export function listEntry(text, hint, ...actions) {
  return h('li', {}, h('div', {}, h('p', {}, text), hint), ...actions);
}
