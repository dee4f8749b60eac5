import { createCapabilityView } from './capability-view.js';
import { announce, h, setText } from './dom.js';
import { confirmDisconnect } from './disconnect-dialog.js';
import { createFolderList } from './folder-list.js';
import { createSkipList } from './skip-list.js';
import { calendarDate, stateLabel, stateTone } from './words.js';

const endStates = new Set(['disconnecting', 'disconnected']);

/**
 * One connection, made once and updated in place, so that focus, open details and selections stay
 * where they are. `onChanged` is called after an action, to have the list read again.
 */
export function createConnectionCard(client, first, { onChanged }) {
  let connection = first;
  const titleId = `${first.id}-title`;
  const title = h('h3', { id: titleId });
  const pill = h('span', { class: 'pill' });
  const facts = h('p', { class: 'card-facts' });
  const views = h('div');
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const folders = createFolderList(client, first.id);
  const skips = createSkipList(client, first.id, { folderName: (id) => folders.nameOf(id) });
  const actions = createActions();
  const capabilities = new Map();
  const header = h('header', { class: 'card-header' }, h('div', {}, title, facts), pill);
  const element = h(
    'article',
    { class: 'card', 'aria-labelledby': titleId, 'data-connection': first.id },
    ...[header, views, problem, folders.element, skips.element, actions.element],
  );

  function createActions() {
    const button = (label, onclick, kind = 'button') =>
      h('button', { type: 'button', class: kind, onclick }, label);
    const post = (action) => act(() => client.post(`/v1/connections/${first.id}/${action}`));
    const sync = button('Sync now', () => post('sync'));
    const pause = button('Pause', () => post('pause'));
    const resume = button('Resume', () => post('resume'));
    const end = button('Disconnect', () => disconnect(), 'button button-quiet');
    const all = [sync, pause, resume, end];
    return {
      all,
      element: h('div', { class: 'actions' }, ...all),
      show(state) {
        const over = endStates.has(state);
        sync.hidden = over || state === 'paused';
        pause.hidden = over || state === 'paused';
        resume.hidden = state !== 'paused';
        end.hidden = over;
      },
    };
  }

  async function disconnect() {
    const query = await confirmDisconnect(connection);
    if (query === undefined) return;
    await act(() => client.delete(`/v1/connections/${first.id}${query}`));
  }

  async function act(run) {
    for (const each of actions.all) each.disabled = true;
    try {
      await run();
      problem.hidden = true;
      await onChanged();
    } catch (error) {
      setText(problem, error.message);
      problem.hidden = false;
    }
    for (const each of actions.all) each.disabled = false;
  }

  /** Takes in the facts as the API gave them at `receivedAtMs`. */
  function update(next, receivedAtMs) {
    if (next.state !== connection.state) {
      announce(`${next.address}: ${stateLabel(next.state)}`);
    }
    connection = next;
    setText(title, next.address);
    setText(facts, factsOf(next));
    setText(pill, stateLabel(next.state));
    pill.dataset.tone = stateTone(next.state);
    for (const [name, capability] of Object.entries(next.capabilities)) {
      if (!capabilities.has(name)) {
        const view = createCapabilityView(name, { address: () => connection.address });
        capabilities.set(name, view);
        views.append(view.element);
      }
      capabilities.get(name).update(capability, receivedAtMs);
    }
    const mail = next.capabilities.mail;
    folders.update(mail);
    skips.update(mail);
    actions.show(next.state);
  }

  /** Moves the words on between two answers: ages, rates and times left. */
  function tick(nowMs) {
    for (const view of capabilities.values()) view.tick(nowMs);
  }

  update(first, Date.now());
  return { element, update, tick };
}

function factsOf({ host, backfillSince, eraseAfter, state }) {
  if (endStates.has(state)) {
    return eraseAfter
      ? `${host} · what was imported is erased on ${calendarDate(eraseAfter)}`
      : `${host} · what was imported is kept`;
  }
  return backfillSince ? `${host} · since ${calendarDate(backfillSince)}` : `${host} · all history`;
}
