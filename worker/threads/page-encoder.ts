import type { EncodeJob, PageEncoder, SealedMailPage } from '../../domain/mail-page.ts';
import type { Keyring } from '../../domain/seal.ts';
import { allEnded } from '../../domain/settled.ts';
import { joinPages, splitJob } from './page-parts.ts';
import { createPageLane, type PageLaneOptions } from './page-lane.ts';

/** Pages are short-lived; a large young generation only keeps their garbage. */
const bulkYoungGenerationMb = 16;
const smallYoungGenerationMb = 4;

/** They share a page, for one page of an import is in hand at a time and all else waits for it. */
const bulkThreads = 2;

/** What is encoded in a few milliseconds: what arrives while a mailbox is live. */
const smallMessagesMax = 20;
const smallBytesMax = 256 * 1024;

/**
 * Decodes and seals pages in threads beside this process: one for small pages, so that a letter that
 * has just arrived does not wait behind the pages of an import, and two that share every other page.
 */
export function createPageEncoder(
  keyring: Keyring,
  { timeoutMs }: Pick<PageLaneOptions, 'timeoutMs'> = {},
): PageEncoder & AsyncDisposable {
  const small = createPageLane(keyring, {
    ...{ background: false, maxYoungGenerationSizeMb: smallYoungGenerationMb, timeoutMs },
  });
  const bulk = Array.from({ length: bulkThreads }, () =>
    createPageLane(keyring, {
      ...{ background: true, maxYoungGenerationSizeMb: bulkYoungGenerationMb, timeoutMs },
    }),
  );

  async function encodeBulk(job: EncodeJob): Promise<SealedMailPage> {
    const parts = splitJob(job, bulk.length);
    return joinPages(await allEnded(parts.map((part, i) => bulk[i]!.encode(part))));
  }

  return {
    encode: (job) => (isSmall(job) ? small.encode(job) : encodeBulk(job)),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([small, ...bulk].map((lane) => lane[Symbol.asyncDispose]()));
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
