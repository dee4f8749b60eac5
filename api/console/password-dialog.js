import { ask } from './dialog.js';
import { field, h, setText } from './dom.js';

/**
 * Asks for a connection's new password and hands it to `renew`, which proves it by a login. What
 * the server says against it is shown beside the field. Resolves when the dialog is gone.
 */
export async function renewPassword(connection, renew) {
  const password = field({
    id: 'new-password',
    label: 'New password',
    hint: 'An app password where the provider wants one. It is proven by a login, then sealed.',
    input: h('input', { type: 'password', autocomplete: 'off', autofocus: true }),
  });
  const confirm = h('button', { type: 'submit', class: 'button button-primary' }, 'Sign in');
  await ask({
    id: 'password',
    title: ['Renew the password of ', h('bdi', {}, connection.address)],
    content: [password.element],
    confirm,
    cancel: h('button', { type: 'button', class: 'button' }, 'Cancel'),
    answer: async () => {
      password.showError(undefined);
      setText(confirm, 'Signing in to the server …');
      try {
        await renew(password.input.value);
        return true;
      } catch (error) {
        password.showError(error.message);
        password.input.focus();
        return undefined;
      } finally {
        setText(confirm, 'Sign in');
      }
    },
  });
}
