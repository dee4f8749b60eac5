import type { EncodeJob, PageEncoder } from '../../domain/mail-page.ts';
import type { Keyring } from '../../domain/seal.ts';
import { createPageLane, type PageLaneOptions } from './page-lane.ts';

/** Pages are short-lived; a large young generation only keeps their garbage. */
const bulkYoungGenerationMb = 16;
const smallYoungGenerationMb = 4;

/** What is encoded in a few milliseconds: what arrives while a mailbox is live. */
const smallMessagesMax = 20;
const smallBytesMax = 256 * 1024;

/**
 * Decodes and seals pages in two threads beside this process: one for small pages, so that a letter
 * that has just arrived does not wait behind the pages of an import, and one for all others.
 */
export function createPageEncoder(
  keyring: Keyring,
  { timeoutMs }: Pick<PageLaneOptions, 'timeoutMs'> = {},
): PageEncoder & AsyncDisposable {
  const small = createPageLane(keyring, {
    ...{ background: false, maxYoungGenerationSizeMb: smallYoungGenerationMb, timeoutMs },
  });
  const bulk = createPageLane(keyring, {
    ...{ background: true, maxYoungGenerationSizeMb: bulkYoungGenerationMb, timeoutMs },
  });
  return {
    encode: (job) => (isSmall(job) ? small : bulk).encode(job),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([small[Symbol.asyncDispose](), bulk[Symbol.asyncDispose]()]);
    },
  };
}

function isSmall({ messages }: EncodeJob): boolean {
  if (messages.length > smallMessagesMax) return false;
  let bytes = 0;
  for (const { header, leaves } of messages) {
    bytes += header.length;
    for (const { content } of leaves) bytes += content.length;
  }
  return bytes <= smallBytesMax;
}
