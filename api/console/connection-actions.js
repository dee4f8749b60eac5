import { confirmDisconnect } from './disconnect-dialog.js';
import { h, setText } from './dom.js';
import { renewPassword } from './password-dialog.js';

/** States in which nothing is left to ask of a connection. */
export const endStates = new Set(['disconnecting', 'disconnected']);

/**
 * The buttons of a connection, with the sentence of what went wrong above them. `onChanged` is
 * called after an action, to have the list read again.
 */
export function createConnectionActions(client, id, { connection, onChanged }) {
  const path = `/v1/connections/${id}`;
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const button = (label, onclick, kind = 'button') =>
    h('button', { type: 'button', class: kind, onclick }, label);
  const post = (action) => act(() => client.post(`${path}/${action}`));
  const confirm = button('Confirm deletions', () => confirmDeletions());
  const sync = button('Sync now', () => post('sync'));
  const pause = button('Pause', () => post('pause'));
  const resume = button('Resume', () => post('resume'));
  const renew = button('Renew password', () => renewCredentials());
  const end = button('Disconnect', () => disconnect(), 'button button-quiet');
  const all = [confirm, sync, pause, resume, renew, end];
  const row = h('div', { class: 'actions' }, ...all);

  /** Exactly those that the page shows: if more vanished meanwhile, the answer says so. */
  async function confirmDeletions() {
    const held = connection().capabilities.mail?.deletionsHeld ?? 0;
    await act(() => client.post(`${path}/confirm-deletions?count=${held}`));
  }

  async function disconnect() {
    const query = await confirmDisconnect(connection());
    if (query === undefined) return;
    await act(() => client.delete(`${path}${query}`));
  }

  async function renewCredentials() {
    await renewPassword(connection(), (password) =>
      client.patch(path, { body: { imap: { password } } }),
    );
    await onChanged();
  }

  async function act(run) {
    for (const each of all) each.disabled = true;
    try {
      await run();
      problem.hidden = true;
      await onChanged();
    } catch (error) {
      setText(problem, error.message);
      problem.hidden = false;
    }
    for (const each of all) each.disabled = false;
  }

  return {
    element: h('div', {}, problem, row),
    /** Offers what the state allows. */
    show(state) {
      const over = endStates.has(state);
      confirm.hidden = state !== 'confirm-deletions';
      sync.hidden = over || state === 'paused';
      pause.hidden = over || state === 'paused';
      resume.hidden = state !== 'paused';
      renew.classList.toggle('button-primary', state === 'needs-reauth');
      renew.hidden = over;
      end.hidden = over;
      row.hidden = over;
    },
  };
}
