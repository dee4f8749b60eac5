import { createConnectForm } from './connect-form.js';
import { newIdempotencyKey } from './client.js';
import { h, setText } from './dom.js';
import { readSandbox } from './sandbox.js';

/**
 * Where mailboxes are connected: the first screen's whole content while there is none, a line that
 * opens afterwards. `prepare` asks once whether the instance is a sandbox.
 */
export function createConnectPanel(client, session, { onConnected }) {
  const element = h('section', {
    class: 'connect',
    'aria-labelledby': 'connect-title',
    hidden: true,
  });
  const heading = h('h2', { id: 'connect-title' });
  const intro = h(
    'p',
    { class: 'intro' },
    'Steward imports its history and keeps it in step from then on. ',
    'Nothing changes at the mail server.',
  );
  const opener = h('button', { type: 'button', class: 'button' }, 'Connect a mailbox');
  const body = h('div', { class: 'panel' }, heading, intro);
  element.append(opener, body);
  let prepared = false;
  let opened = false;
  let form;

  const finish = async (connection) => {
    opened = false;
    await onConnected(connection);
  };
  opener.addEventListener('click', () => {
    opened = true;
    show({ first: false });
    form.focus();
  });

  async function prepare() {
    if (prepared) return;
    const { sandbox, sample } = await readSandbox(client);
    prepared = true;
    if (sample) body.append(createSampleButton(client, session, sample, finish));
    form = createConnectForm(client, session, { onConnected: finish, sandbox });
    body.append(form.element);
  }

  function show({ first }) {
    element.hidden = false;
    opener.hidden = first || opened;
    body.hidden = !first && !opened;
    setText(heading, first ? 'Connect your first mailbox' : 'Connect a mailbox');
  }

  return { element, prepare, show };
}

/** The sandbox's own mailbox, connected with one press. */
function createSampleButton(client, session, sample, onConnected) {
  const label = 'Connect the sample mailbox';
  const button = h('button', { type: 'button', class: 'button button-primary' }, label);
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  button.addEventListener('click', async () => {
    button.disabled = true;
    setText(button, 'Connecting …');
    problem.hidden = true;
    try {
      const connection = await client.post('/v1/connections', {
        body: { provider: 'imap', memberId: session.member, capabilities: ['mail'], imap: sample },
        idempotencyKey: newIdempotencyKey(),
      });
      await onConnected(connection);
    } catch (error) {
      setText(problem, error.message);
      problem.hidden = false;
    }
    button.disabled = false;
    setText(button, label);
  });
  const hint = h(
    'p',
    { class: 'hint' },
    'A few thousand messages on this machine, and new ones keep coming.',
  );
  return h(
    'div',
    { class: 'sample' },
    button,
    hint,
    problem,
    h('p', { class: 'or' }, 'or your own'),
  );
}
