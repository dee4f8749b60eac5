import { h, setText } from './dom.js';
import { clock } from './words.js';

/** Says that the API does not answer and that what is shown is old; the page keeps what it has. */
export function createOutage(element) {
  // Only the first half is announced: a screen reader should not count seconds.
  const status = h('span', { role: 'status' });
  const countdown = h('span', { 'aria-hidden': 'true' });
  element.replaceChildren(status, countdown);
  let lastAnswerMs;
  let nextTryMs = 0;

  function tick(nowMs) {
    if (element.hidden) return;
    const since = lastAnswerMs ? ` What you see is from ${clock(lastAnswerMs, nowMs)}.` : '';
    setText(status, `Steward does not answer.${since}`);
    const wait = Math.ceil((nextTryMs - nowMs) / 1_000);
    setText(countdown, wait > 0 ? ` Trying again in ${wait} s.` : ' Trying again now.');
  }

  return {
    begin(retryInMs) {
      nextTryMs = Date.now() + retryInMs;
      element.hidden = false;
      tick(Date.now());
    },
    end() {
      lastAnswerMs = Date.now();
      element.hidden = true;
    },
    lasts: () => !element.hidden,
    tick,
  };
}
