import { h } from './dom.js';

/** The first screen asks for a mailbox; with one there, the form steps back behind a summary. */
export function createLayout(connections, messages) {
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const heading = h('h2', { id: 'connections-title' }, 'Connections');
  const left = h('section', { 'aria-labelledby': 'connections-title' }, heading, problem);
  const right = h(
    'section',
    { class: 'latest', 'aria-labelledby': 'messages-title' },
    h('h2', { id: 'messages-title' }, 'Latest messages'),
    h('div', { class: 'panel panel-flush' }, messages.element),
  );
  left.append(connections.element);
  const element = h(
    'div',
    { class: 'layout', 'data-count': 'unknown' },
    h('h1', { class: 'visually-hidden' }, 'Steward console'),
    left,
    right,
  );
  let panel;
  return {
    element,
    place(created) {
      panel = created;
      left.append(panel.element);
    },
    showCount(count) {
      problem.hidden = true;
      element.dataset.count = count === 0 ? 'none' : 'some';
      heading.classList.toggle('visually-hidden', count === 0);
      right.hidden = count === 0;
      panel.show({ first: count === 0 });
    },
    showProblem(error) {
      problem.textContent = error.message;
      problem.hidden = false;
    },
  };
}
