export interface PageBuffer {
  /** Copies bytes to the end, and returns their place. */
  readonly add: (bytes: Uint8Array) => Uint8Array;
}

/**
 * One buffer for all bytes of a page. What imapflow returns are slices of shared buffers, which
 * cannot be moved to a thread and which keep the bytes around them alive.
 */
export function createPageBuffer(size: number): PageBuffer {
  // Outside Node's pool, so that the whole page and nothing else moves; every byte is written.
  const buffer = Buffer.allocUnsafeSlow(size);
  let end = 0;
  return {
    add: (bytes) => {
      const start = end;
      buffer.set(bytes, start);
      end += bytes.length;
      return new Uint8Array(buffer.buffer, start, bytes.length);
    },
  };
}
