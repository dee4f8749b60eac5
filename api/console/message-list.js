import { atMostEvery } from './backoff.js';
import { h, setText } from './dom.js';
import { day, fullDate } from './words.js';

const shown = 25;
/** Quick enough to look live; an import at full speed would otherwise ask without a break. */
const refreshIntervalMs = 1_500;

/** The newest messages of all connections. What senders wrote reaches the page as text only. */
export function createMessageList(client, { onError }) {
  const list = h('ol', { class: 'messages' });
  const empty = h('p', { class: 'hint' }, 'Messages appear here as they arrive.');
  const element = h('div', {}, empty, list);
  const rows = new Map();
  let first = true;

  const refresh = atMostEvery(refreshIntervalMs, async () => {
    try {
      const page = await client.get(`/v1/messages?limit=${shown}`);
      show(page.data);
    } catch (error) {
      onError(error);
    }
  });

  function show(messages) {
    const ids = new Set(messages.map((message) => message.id));
    for (const [id, row] of rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    messages.forEach((message, index) => {
      const row = rows.get(message.id) ?? createRow(message.id, { fresh: !first });
      rows.set(message.id, row);
      row.update(message);
      // Moved only when it stands elsewhere: a row that stays keeps its selection.
      if (list.children[index] !== row.element)
        list.insertBefore(row.element, list.children[index]);
    });
    empty.hidden = messages.length > 0;
    if (messages.length > 0) first = false;
  }

  return { element, refresh };
}

function createRow(id, { fresh }) {
  const from = h('bdi', { class: 'from' });
  const date = h('time');
  const subject = h('bdi', { class: 'subject' });
  const folder = h('bdi', { class: 'folder' });
  const element = h(
    'li',
    { 'data-message': id, class: fresh ? 'fresh' : null },
    h('p', { class: 'message-top' }, from, date),
    h('p', { class: 'message-bottom' }, subject, folder),
  );
  return {
    element,
    update(message) {
      const sender = message.from[0];
      setText(from, sender?.name || sender?.address || 'Unknown sender');
      from.title = sender?.address ?? '';
      setText(subject, message.subject || '(no subject)');
      setText(folder, message.folders.map(({ name }) => name).join(', '));
      setText(date, day(message.receivedAt, Date.now()));
      date.dateTime = message.receivedAt;
      date.title = fullDate(message.receivedAt);
      element.classList.toggle('unread', !message.read);
    },
  };
}
