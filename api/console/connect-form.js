import { isOutage, newIdempotencyKey } from './client.js';
import { field, h, setText } from './dom.js';

const required = ['imap.host', 'imap.port', 'imap.username', 'imap.password'];
const defaultPorts = { tls: 993, starttls: 143, none: 143 };

/** The form that connects an IMAP mailbox. `onConnected` gets the new connection. */
export function createConnectForm(client, session, { onConnected, sandbox }) {
  const fields = createFields(sandbox);
  const problem = h('div', { class: 'problem', role: 'alert', tabindex: '-1', hidden: true });
  const submit = h('button', { type: 'submit', class: 'button button-primary' }, 'Connect');
  const form = h('form', { novalidate: true, 'aria-label': 'Connect a mailbox' });
  const byName = Object.values(fields);
  form.append(problem, h('div', { class: 'fields' }, ...byName.map((each) => each.element)));
  form.append(h('div', { class: 'actions' }, submit));

  // The same request again after an outage must not connect twice; a changed one is a new one.
  let idempotencyKey;
  form.addEventListener('input', (event) => {
    idempotencyKey = undefined;
    byName.find(({ input }) => input === event.target)?.showError(undefined);
  });
  followSecurity(fields);

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    clear();
    if (missing()) return;
    submit.disabled = true;
    setText(submit, 'Signing in to the server …');
    try {
      idempotencyKey ??= newIdempotencyKey();
      const connection = await client.post('/v1/connections', {
        body: toRequest(fields, session),
        idempotencyKey,
      });
      idempotencyKey = undefined;
      fields['imap.password'].input.value = '';
      await onConnected(connection);
    } catch (error) {
      if (!isOutage(error)) idempotencyKey = undefined;
      show(error);
    }
    submit.disabled = false;
    setText(submit, 'Connect');
  });

  /** Marks what is empty and must not be; everything else is the API's to judge. */
  function missing() {
    const empty = required.filter((name) => fields[name].input.value.trim() === '');
    for (const name of empty) fields[name].showError('This is needed.');
    if (empty.length > 0) fields[empty[0]].input.focus();
    return empty.length > 0;
  }

  function clear() {
    problem.hidden = true;
    for (const each of byName) each.showError(undefined);
  }

  function show(error) {
    const errors = error.errors ?? [];
    const elsewhere = errors.filter(({ field: name }) => !fields[name]);
    for (const { field: name, message } of errors) fields[name]?.showError(message);
    problem.replaceChildren(h('p', {}, error.message));
    for (const { field: name, message } of elsewhere) {
      problem.append(h('p', {}, `${name}: ${message}`));
    }
    problem.hidden = false;
    const first = errors.map(({ field: name }) => fields[name]).find(Boolean);
    (first?.input ?? problem).focus();
  }

  return { element: form, focus: () => fields['imap.host'].input.focus() };
}

/** Keyed by where the value stands in the request, which is how the API names a wrong field. */
function createFields(sandbox) {
  const input = (attributes) =>
    h('input', { autocapitalize: 'none', autocorrect: 'off', spellcheck: 'false', ...attributes });
  const option = (value, label) => h('option', { value }, label);
  const security = h('select', {}, option('tls', 'TLS'), option('starttls', 'STARTTLS'));
  // Outside of the sandbox the API refuses a login in the clear.
  if (sandbox) security.append(option('none', 'None (sandbox)'));
  const port = input({
    type: 'number',
    min: '1',
    max: '65535',
    value: '993',
    inputmode: 'numeric',
  });
  return {
    'imap.host': field({
      id: 'host',
      label: 'IMAP server',
      input: input({ type: 'text', placeholder: 'imap.example.org', autocomplete: 'off' }),
    }),
    'imap.port': field({ id: 'port', label: 'Port', input: port }),
    'imap.security': field({ id: 'security', label: 'Security', input: security }),
    'imap.username': field({
      id: 'username',
      label: 'User name',
      input: input({ type: 'text', autocomplete: 'off' }),
    }),
    'imap.password': field({
      id: 'password',
      label: 'Password',
      hint: 'An app password where the provider wants one. It is stored sealed.',
      input: input({ type: 'password', autocomplete: 'off' }),
    }),
    backfillSince: field({
      id: 'since',
      label: 'Import since',
      hint: 'Empty imports everything.',
      input: input({ type: 'date' }),
    }),
  };
}

/** The usual port goes with the security until somebody types another one. */
function followSecurity(fields) {
  const port = fields['imap.port'].input;
  const security = fields['imap.security'].input;
  security.addEventListener('change', () => {
    const usual = Object.values(defaultPorts).map(String).includes(port.value);
    if (usual || port.value === '') port.value = String(defaultPorts[security.value]);
  });
}

function toRequest(fields, session) {
  const value = (name) => fields[name].input.value;
  const since = value('backfillSince');
  return {
    provider: 'imap',
    memberId: session.member,
    capabilities: ['mail'],
    ...(since && { backfillSince: since }),
    imap: {
      host: value('imap.host').trim(),
      port: Number(value('imap.port')),
      security: value('imap.security'),
      username: value('imap.username').trim(),
      password: value('imap.password'),
    },
  };
}
