/**
 * How a worker is kept small. Pages are short-lived: a large young generation only keeps their
 * garbage, and V8 lets the old one grow with the room that it is given (gigabytes, by default).
 * But so small a heap is collected after every page unless it may double in between, which saves
 * 15 % of an import's processor time for 20 MB. The SDK derives from the heap's limit how many workflows
 * it caches, about 180; the others are replayed when they wake.
 */
export const workerMemory = {
  nodeFlags: ['--max-semi-space-size=8', '--max-old-space-size=512', '--heap-growing-percent=100'],
  /** Threads of glibc that allocate each from an arena of their own give little of it back. */
  environment: { MALLOC_ARENA_MAX: '2' },
} as const;
