import type { SliceLife } from '../../activities/mail/slice.ts';

/** The life of a slice that nobody interrupts, and whose progress nobody looks at. */
export const undisturbed: SliceLife = {
  heartbeat: () => undefined,
  cancelled: new AbortController().signal,
};
