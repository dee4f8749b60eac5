/**
 * Copies values into one buffer that holds nothing else. What imapflow returns are slices of shared
 * buffers, which cannot be moved to a thread and which keep the bytes around them alive.
 */
export function copyTogether(values: readonly (Uint8Array | undefined)[]): Uint8Array[] {
  const size = values.reduce((sum, value) => sum + (value?.length ?? 0), 0);
  // Outside Node's pool, so that it can move; every byte is written.
  const { buffer } = Buffer.allocUnsafeSlow(size);
  let end = 0;
  return values.map((value) => {
    const copy = new Uint8Array(buffer, end, value?.length ?? 0);
    if (value) copy.set(value);
    end += copy.length;
    return copy;
  });
}
