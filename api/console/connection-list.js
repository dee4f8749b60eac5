import { createConnectionCard } from './connection-card.js';
import { followEvents } from './events.js';
import { h } from './dom.js';

/**
 * A browser opens six requests to one host at a time under HTTP/1.1. Four streams leave two for
 * everything else; connections beyond them move with the list, which is read every few seconds.
 */
const streamsMax = 4;
const pageSize = 200;

/**
 * The connections as cards, kept by id; `onMoved` is called when anything about one changed,
 * `onLost` when a stream broke.
 */
export function createConnectionList(client, { onChanged, onMoved, onLost }) {
  const element = h('div', { class: 'cards' });
  const cards = new Map();
  const streams = new Map();

  async function load() {
    const { data } = await client.get(`/v1/connections?limit=${pageSize}`);
    const receivedAtMs = Date.now();
    for (const connection of data) show(connection, receivedAtMs);
    data.forEach(({ id }, index) => {
      const card = cards.get(id).element;
      if (element.children[index] !== card) element.insertBefore(card, element.children[index]);
    });
    const ids = new Set(data.map(({ id }) => id));
    for (const id of cards.keys()) if (!ids.has(id)) remove(id);
    follow(data);
    onMoved();
    return data.length;
  }

  function show(connection, receivedAtMs) {
    const known = cards.get(connection.id);
    if (known) known.update(connection, receivedAtMs);
    else cards.set(connection.id, createConnectionCard(client, connection, { onChanged }));
  }

  function remove(id) {
    cards.get(id).element.remove();
    cards.delete(id);
    unfollow(id);
  }

  function follow(connections) {
    const wanted = connections.filter(({ state }) => state !== 'disconnected').slice(0, streamsMax);
    const ids = new Set(wanted.map(({ id }) => id));
    for (const id of streams.keys()) if (!ids.has(id)) unfollow(id);
    for (const id of ids) if (!streams.has(id)) listen(id);
  }

  function listen(id) {
    const ending = new AbortController();
    streams.set(id, ending);
    const onEvent = ({ data }) => {
      const connection = JSON.parse(data);
      // Other kinds of events may come; a connection says which one it is.
      if (connection.id !== id || !cards.has(id)) return;
      show(connection, Date.now());
      onMoved();
    };
    void followEvents(client, id, { onEvent, onLost, signal: ending.signal }).finally(() => {
      if (streams.get(id) === ending) streams.delete(id);
    });
  }

  function unfollow(id) {
    streams.get(id)?.abort();
    streams.delete(id);
  }

  return {
    element,
    load,
    stop: () => {
      for (const id of [...streams.keys()]) unfollow(id);
    },
    tick: (nowMs) => {
      for (const card of cards.values()) card.tick(nowMs);
    },
  };
}
