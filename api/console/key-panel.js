import { h } from './dom.js';
import { storeSession } from './session.js';

/** What stands in the page's place while it has no key, or one that does not fit. */
export function createKeyPanel({ refused }) {
  const key = h('input', { id: 'key', type: 'password', autocomplete: 'off', required: true });
  const member = h('input', { id: 'member', type: 'text', autocomplete: 'off', required: true });
  const form = h(
    'form',
    { class: 'fields fields-stacked' },
    h('div', { class: 'field' }, h('label', { for: 'key' }, 'API key (stw_…)'), key),
    h('div', { class: 'field' }, h('label', { for: 'member' }, 'Member (mbr_…)'), member),
    h('div', { class: 'actions' }, h('button', { class: 'button', type: 'submit' }, 'Open')),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    storeSession({ key: key.value.trim(), member: member.value.trim() });
    location.reload();
  });
  return h(
    'section',
    { class: 'panel panel-narrow', 'aria-labelledby': 'key-title' },
    h(
      'h1',
      { id: 'key-title' },
      refused ? 'The key does not fit' : 'Open the console with its link',
    ),
    refused
      ? h('p', {}, 'The API refused the key: it was revoked, or it belongs elsewhere.')
      : null,
    h(
      'p',
      {},
      h('code', {}, 'npm start'),
      ' prints a link that carries the key when it is ready. The same link is ',
      h('code', {}, 'consoleUrl'),
      ' in ',
      h('code', {}, '.steward/instance.json'),
      '.',
    ),
    h('details', { class: 'fold' }, h('summary', {}, 'Enter a key by hand'), form),
  );
}
