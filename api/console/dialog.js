import { h } from './dom.js';

/**
 * Asks something over the page and resolves to what `answer` gives when it is confirmed, or to
 * undefined when the answer is no (Cancel, Escape). An `answer` of undefined keeps the dialog open.
 */
export function ask({ id, title, content, confirm, cancel, answer }) {
  const titleId = `${id}-title`;
  const dialog = h('dialog', { 'aria-labelledby': titleId });
  const form = h('form', { method: 'dialog', novalidate: true });
  form.append(h('h2', { id: titleId }, ...title), ...content);
  form.append(h('div', { class: 'actions actions-end' }, cancel, confirm));
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    let result;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      confirm.disabled = true;
      result = await answer();
      confirm.disabled = false;
      if (result !== undefined) dialog.close();
    });
    cancel.addEventListener('click', () => dialog.close());
    // Escape closes it, too: that is a no.
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(result);
    });
  });
}
