import { h } from './dom.js';
import { createFoldList, listEntry } from './fold-list.js';
import { intentWords, refusalWords } from './intent-words.js';
import { clock } from './words.js';

/**
 * Changes that the server would not have, each with its reason. What they were about, only the
 * owner of the mailbox may read; the kind, the time and the reason help whoever looks after it.
 */
export function createRefusalList(client, connectionId) {
  async function read(total, limit) {
    const path = `/v1/connections/${connectionId}/intents?state=refused&limit=${limit}`;
    const { data } = await client.get(path);
    // The API keeps refusals for longer than it counts them.
    const latest = data.toSorted((a, b) => Date.parse(b.finishedAt) - Date.parse(a.finishedAt));
    return latest.slice(0, total).map(toRow);
  }

  const { element, update } = createFoldList({ title: 'Refused changes', read });
  return { element, update: (facts) => update(facts?.intents.refused ?? 0) };
}

function toRow({ kind, reason, finishedAt }) {
  const when = clock(finishedAt, Date.now());
  return listEntry(
    intentWords[kind] ?? kind,
    h('p', { class: 'hint' }, `${when} · ${refusalWords(reason)}`),
  );
}
