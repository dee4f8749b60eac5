import { h } from './dom.js';
import { plural } from './words.js';

/** The API erases a disconnected connection's data so many days later. */
const keptDays = 7;

/**
 * Asks before a connection is ended, saying what happens to the data.
 * Resolves to `erase`, `keep`, or undefined when the answer is no.
 */
export function confirmDisconnect(connection) {
  const stored = connection.capabilities.mail?.stored ?? 0;
  const titleId = 'disconnect-title';
  const dialog = h('dialog', { 'aria-labelledby': titleId });
  const erase = choice('erase', {
    label: 'Erase what was imported',
    hint: `${plural(stored, 'imported message')} and everything made from them are erased after ${keptDays} days. Messages that the team tracks stay.`,
    checked: true,
  });
  const keep = choice('keep', {
    label: 'Keep what was imported',
    hint: 'The messages stay as they are now, sealed, and no longer change.',
  });
  const end = h('button', { type: 'button', class: 'button button-danger' }, 'Disconnect');
  const cancel = h('button', { type: 'button', class: 'button', autofocus: true }, 'Cancel');
  dialog.append(
    h('h2', { id: titleId }, 'Disconnect ', h('bdi', {}, connection.address), '?'),
    h(
      'p',
      {},
      'Steward stops watching the mailbox, closes its sessions and wipes the password. ',
      'Nothing changes at the mail server.',
    ),
    h('fieldset', {}, h('legend', {}, 'The data in Steward'), erase.element, keep.element),
    h('div', { class: 'actions actions-end' }, cancel, end),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    let answer;
    end.addEventListener('click', () => {
      answer = keep.input.checked ? 'keep' : 'erase';
      dialog.close();
    });
    cancel.addEventListener('click', () => dialog.close());
    // Escape closes it, too: that is a no.
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(answer);
    });
  });
}

function choice(value, { label, hint, checked = false }) {
  const id = `disconnect-${value}`;
  const input = h('input', { type: 'radio', name: 'data', id, value, checked });
  input.setAttribute('aria-describedby', `${id}-hint`);
  const text = h('div', {}, h('label', { for: id }, label));
  text.append(h('p', { id: `${id}-hint`, class: 'hint' }, hint));
  return { input, element: h('div', { class: 'choice' }, input, text) };
}
