/** Long enough to level out pages of a few hundred messages, short enough to show a stall. */
const windowMs = 8_000;
/** Two samples closer than this say nothing about a rate. */
const spanMinMs = 900;

/** Messages per second over the last seconds, from the counts as they come in. */
export function createRate() {
  let samples = [];
  return {
    add(stored, atMs) {
      // A resync starts to count anew.
      if (samples.length > 0 && stored < samples.at(-1).stored) samples = [];
      samples.push({ stored, atMs });
    },
    /** Undefined while there is too little to go by. */
    perSecond(nowMs) {
      while (samples.length > 1 && samples[1].atMs <= nowMs - windowMs) samples.shift();
      if (samples.length === 0) return undefined;
      const spanMs = nowMs - samples[0].atMs;
      if (spanMs < spanMinMs) return undefined;
      return ((samples.at(-1).stored - samples[0].stored) * 1_000) / spanMs;
    },
  };
}
