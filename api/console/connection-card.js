import { createCapabilityView } from './capability-view.js';
import { createComparison } from './comparison.js';
import { createConnectionActions, endStates } from './connection-actions.js';
import { announce, h, setText } from './dom.js';
import { createFolderList } from './folder-list.js';
import { createRefusalList } from './refusal-list.js';
import { createSkipList } from './skip-list.js';
import { calendarDate, stateLabel, stateTone } from './words.js';

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
  const comparison = createComparison(client, first.id, { onChanged });
  const folders = createFolderList(client, first.id);
  const skips = createSkipList(client, first.id, { folderName: (id) => folders.nameOf(id) });
  const refusals = createRefusalList(client, first.id);
  const actions = createConnectionActions(client, first.id, {
    connection: () => connection,
    onChanged,
  });
  const capabilities = new Map();
  const header = h('header', { class: 'card-header' }, h('div', {}, title, facts), pill);
  const element = h(
    'article',
    { class: 'card', 'aria-labelledby': titleId, 'data-connection': first.id },
    ...[header, views, comparison.element, folders.element, skips.element, refusals.element],
    actions.element,
  );

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
    comparison.update(next, Date.now());
    folders.update(mail);
    skips.update(mail);
    refusals.update(mail);
    actions.show(next.state);
  }

  /** Moves the words on between two answers: ages, rates and times left. */
  function tick(nowMs) {
    for (const view of capabilities.values()) view.tick(nowMs);
    comparison.tick(nowMs);
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
