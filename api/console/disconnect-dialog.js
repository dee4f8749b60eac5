import { ask } from './dialog.js';
import { h } from './dom.js';
import { plural } from './words.js';

/**
 * Asks before a connection is ended, saying what happens to the data.
 * Resolves to the query of the request, or to undefined when the answer is no.
 */
export function confirmDisconnect(connection) {
  const stored = connection.capabilities.mail?.stored ?? 0;
  const choices = [
    choice('later', 'Erase it in 7 days', {
      hint: `${plural(stored, 'message')}. Until then, connecting the same account again goes on where it stopped.`,
      checked: true,
      query: '',
    }),
    choice('erase', 'Erase it now', {
      hint: 'What was imported is erased at once. Messages that the team tracks stay.',
      query: '?data=erase',
    }),
    choice('keep', 'Keep it', {
      hint: 'The messages stay as they are now, sealed, and no longer change.',
      query: '?data=keep',
    }),
  ];
  const legend = h('legend', {}, 'What was imported');
  return ask({
    id: 'disconnect',
    title: ['Disconnect ', h('bdi', {}, connection.address), '?'],
    content: [
      h(
        'p',
        {},
        'Steward stops watching the mailbox, closes its sessions and wipes the password. ',
        'Nothing changes at the mail server.',
      ),
      h('fieldset', {}, legend, ...choices.map(({ element }) => element)),
    ],
    confirm: h('button', { type: 'submit', class: 'button button-danger' }, 'Disconnect'),
    cancel: h('button', { type: 'button', class: 'button', autofocus: true }, 'Cancel'),
    answer: async () => choices.find(({ input }) => input.checked)?.query,
  });
}

function choice(value, label, { hint, query, checked = false }) {
  const id = `disconnect-${value}`;
  const described = `${id}-hint`;
  const input = h('input', { type: 'radio', name: 'data', id, value, checked });
  input.setAttribute('aria-describedby', described);
  const text = h('div', {}, h('label', { for: id }, label));
  text.append(h('p', { id: described, class: 'hint' }, hint));
  return { input, query, element: h('div', { class: 'choice' }, input, text) };
}
