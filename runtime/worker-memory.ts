/**
 * How a worker is kept small. Pages are short-lived: a large young generation only keeps their
 * garbage, and V8 lets the old one grow with the room that it is given (gigabytes, by default).
 * Importing 20,000 messages takes 310 MB resident under these, 485 without. The SDK derives from the
 * heap's limit how many workflows it caches, about 180; the others are replayed when they wake.
 */
export const workerMemory = {
  nodeFlags: ['--max-semi-space-size=8', '--max-old-space-size=512'],
  /** Threads of glibc that allocate each from an arena of their own give little of it back. */
  environment: { MALLOC_ARENA_MAX: '2' },
} as const;

/** The same as the environment of a process that is started by its script. */
export const workerEnvironment = {
  NODE_OPTIONS: workerMemory.nodeFlags.join(' '),
  ...workerMemory.environment,
};
