import { comparingSentence, completenessSentence } from './completeness-words.js';
import { endStates } from './connection-actions.js';
import { h, setText } from './dom.js';

/**
 * What the last comparison with the server's own listing came to, and the button that asks for
 * another one. `onChanged` is called after that, to have the list read again.
 */
export function createComparison(client, connectionId, { onChanged }) {
  let mail;
  let comparedBefore;
  const sentence = h('p', { class: 'hint' });
  const button = h('button', { type: 'button', class: 'button button-quiet' }, 'Compare now');
  const note = h('p', { class: 'hint', role: 'status' });
  const row = h('div', { class: 'comparison-row' }, sentence, button);
  const element = h('div', { class: 'comparison' }, row, note);
  const comparedAt = () => mail?.reconciliation?.finishedAt;

  button.addEventListener('click', async () => {
    button.disabled = true;
    comparedBefore = comparedAt();
    try {
      const { state } = await client.post(`/v1/connections/${connectionId}/reconcile`);
      await onChanged();
      // A small mailbox may be done by now; then the sentence says it all.
      if (comparedAt() === comparedBefore) setText(note, comparingSentence(state));
    } catch (error) {
      setText(note, error.message);
    }
    button.disabled = false;
  });

  /** Moves the age on. */
  function tick(nowMs) {
    if (mail) setText(sentence, completenessSentence(mail, nowMs));
  }

  return {
    element,
    tick,
    update({ state, capabilities }, nowMs) {
      mail = capabilities.mail;
      const over = endStates.has(state);
      element.hidden = over || !mail || (!mail.reconciliation && !mail.backfillDone);
      button.hidden = state === 'paused';
      if (over || state === 'paused' || comparedAt() !== comparedBefore) setText(note, '');
      tick(nowMs);
    },
  };
}
