import { constants, zstdCompressSync } from 'node:zlib';
import { ZstdCompress } from 'minizlib';

/** Most values are a few kilobytes: zstd's tables are cut to that size, and larger ones have their own. */
const smallBytesMax = 2 ** 15;
const level1 = { [constants.ZSTD_c_compressionLevel]: 1 };
const smallTables = {
  ...level1,
  [constants.ZSTD_c_windowLog]: 15,
  [constants.ZSTD_c_hashLog]: 12,
  [constants.ZSTD_c_chainLog]: 6,
};

/** One piece of memory for every result, from which it is copied: what is small stays small. */
const chunkSize = smallBytesMax;

let compressSmall: ReturnType<typeof createCompressor> | undefined;

/** Makes one zstd frame (RFC 8878) of a value. */
export function compress(plaintext: Uint8Array): Uint8Array {
  if (plaintext.length > smallBytesMax) return zstdCompressSync(plaintext, { params: level1 });
  compressSmall ??= createCompressor();
  try {
    return compressSmall(plaintext);
  } catch (error) {
    // What it stopped in the middle of must not begin the next one's.
    compressSmall = undefined;
    throw error;
  }
}

/**
 * Compresses values one after the other with one context, each into a frame of its own. Node makes a
 * context for each; zstd then asks the processor what it can do, which on a virtual machine takes
 * longer than to compress the value.
 */
function createCompressor(): (plaintext: Uint8Array) => Uint8Array {
  const stream = new ZstdCompress({
    ...{ params: smallTables, chunkSize },
    // Each write ends a frame.
    flush: constants.ZSTD_e_end,
  });
  let pieces: Uint8Array[] = [];
  let failure: unknown;
  stream.on('data', (piece: Uint8Array) => pieces.push(piece));
  stream.on('error', (error: unknown) => (failure = error));
  return (plaintext) => {
    pieces = [];
    stream.write(Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength));
    // The stream is silent after its first error: nothing must pass for a value.
    if (failure !== undefined || pieces.length === 0) {
      throw new Error('The value could not be compressed.', { cause: failure });
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  };
}
