import { announce, h, safeHref, setText } from './dom.js';
import { pendingSentence } from './intent-words.js';
import { createRate } from './rate.js';
import { count, duration, percent, stateSentence } from './words.js';

/** A screen reader hears of every tenth of an import, not of every page. */
const announcedSteps = 10;

/** What one capability is doing: the sentence, the bar, the numbers and the link to its workflow. */
export function createCapabilityView(name, { address }) {
  const rate = createRate();
  let facts;
  let receivedAtMs = 0;
  let step = 0;
  const sentence = h('p', { class: 'sentence' });
  const onTheWay = h('p', { class: 'hint on-the-way' });
  const bar = h('progress', { 'aria-label': `Imported ${name}` });
  const share = h('span', { class: 'share', 'aria-hidden': 'true' });
  const progress = h('div', { class: 'progress' }, bar, share);
  const numbers = createNumbers();
  const link = h('a', { class: 'workflow', target: '_blank', rel: 'noreferrer' }, 'Workflow ↗');
  const row = h('div', { class: 'numbers-row' }, numbers.element, link);
  const element = h('section', { 'aria-label': name });
  element.append(sentence, onTheWay, progress, row);

  function update(next, atMs) {
    facts = next;
    receivedAtMs = atMs;
    rate.add(next.stored, atMs);
    showBar();
    setText(onTheWay, pendingSentence(next.intents));
    const href = safeHref(next.workflowUrl);
    link.hidden = !href;
    if (href) {
      link.href = href;
      link.title = `${next.workflowId} in the Temporal UI`;
    }
    tick(Date.now());
  }

  function showBar() {
    const { stored, expected, state, backfillDone } = facts;
    progress.hidden = backfillDone || state === 'disconnected' || state === 'disconnecting';
    if (expected === 0) {
      bar.removeAttribute('value');
      setText(share, '');
      return;
    }
    const done = Math.min(1, stored / expected);
    bar.max = 1;
    bar.value = done;
    bar.setAttribute('aria-valuetext', `${count(stored)} of ${count(expected)}`);
    setText(share, `${Math.floor(done * 100)} %`);
    const reached = Math.floor(done * announcedSteps);
    if (reached > step && state === 'backfilling') {
      announce(`${address()}: ${Math.floor(done * 100)} % imported`);
    }
    step = reached;
  }

  function tick(nowMs) {
    const perSecond = rate.perSecond(nowMs);
    setText(sentence, stateSentence(facts, { rate: perSecond, nowMs, receivedAtMs }));
    numbers.show(facts, (nowMs - receivedAtMs) / 1_000);
  }

  return { element, update, tick };
}

function createNumbers() {
  const values = {};
  const element = h('dl', { class: 'numbers' });
  const names = { stored: 'Stored', lag: 'Lag', heard: 'Server heard', complete: 'Complete' };
  for (const [key, label] of Object.entries(names)) {
    values[key] = h('dd');
    element.append(h('div', {}, h('dt', {}, label), values[key]));
  }
  return {
    element,
    show({ stored, lagSeconds, watchAgeSeconds, completeness }, elapsedSeconds) {
      setText(values.stored, count(stored));
      setText(values.lag, lagWords(lagSeconds, elapsedSeconds));
      setText(
        values.heard,
        watchAgeSeconds === null ? '–' : `${duration(watchAgeSeconds + elapsedSeconds)} ago`,
      );
      setText(values.complete, completeness === null ? '–' : percent(completeness));
    },
  };
}

function lagWords(lagSeconds, elapsedSeconds) {
  if (lagSeconds === null) return '–';
  return lagSeconds === 0 ? 'none' : duration(lagSeconds + elapsedSeconds);
}
