const firstDelayMs = 1_000;
/** Long enough to leave a restarting server in peace, short enough that nobody reloads the page. */
const delayMaxMs = 30_000;

/** Delays that double from one second to thirty, with jitter so that tabs do not return together. */
export function createBackoff() {
  let failures = 0;
  return {
    reset: () => {
      failures = 0;
    },
    nextDelayMs: () => {
      const full = Math.min(delayMaxMs, firstDelayMs * 2 ** failures);
      failures += 1;
      return full * (0.75 + Math.random() / 4);
    },
  };
}

/** Resolves after the delay, or at once when the signal fires. */
export function pause(delayMs, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    const stop = () => {
      clearTimeout(timer);
      resolve();
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

/**
 * Runs the work at most once per interval however often it is asked for, and always once after the
 * last time it was asked. The work handles its own failures.
 */
export function atMostEvery(intervalMs, work) {
  let timer;
  let running = false;
  let asked = false;
  const run = async () => {
    timer = undefined;
    asked = false;
    running = true;
    await work();
    running = false;
    timer = setTimeout(() => {
      timer = undefined;
      if (asked) void run();
    }, intervalMs);
  };
  return () => {
    asked = true;
    if (!running && timer === undefined) void run();
  };
}
