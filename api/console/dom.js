/**
 * Makes an element. Children are nodes or text; text always becomes a text node, so nothing that a
 * mailbox holds is ever read as HTML. Attributes that are false, null or undefined are left out;
 * `on…` adds a listener.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Writes a text only where it differs, so that a selection and a screen reader are left in peace. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A label above its input; the returned parts are what a form needs to show an error beside it. */
export function field({ id, label, hint, input }) {
  const error = h('p', { id: `${id}-error`, class: 'field-error', hidden: true });
  const hintLine = hint ? h('p', { id: `${id}-hint`, class: 'hint' }, hint) : null;
  input.id = id;
  const described = [hintLine && `${id}-hint`, `${id}-error`].filter(Boolean).join(' ');
  input.setAttribute('aria-describedby', described);
  const element = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    input,
    hintLine,
    error,
  );
  return { element, input, showError: (message) => showFieldError(input, error, message) };
}

function showFieldError(input, error, message) {
  setText(error, message ?? '');
  error.hidden = !message;
  if (message) input.setAttribute('aria-invalid', 'true');
  else input.removeAttribute('aria-invalid');
}

let announcer;
/** Says something to screen readers only. */
export function announce(text) {
  announcer ??= document.getElementById('announcer');
  setText(announcer, text);
}

/** The URL when it is one that a link may open; a workflow's address is data like any other. */
export function safeHref(url) {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  return /^https?:$/.test(new URL(url).protocol) ? url : undefined;
}
