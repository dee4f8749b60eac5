import { Worker } from 'node:worker_threads';
import { minuteMs } from '../../domain/clock.ts';
import { PoisonedPageError } from '../../domain/failure.ts';
import type { EncodeJob, PageEncoder, SealedMailPage } from '../../domain/mail-page.ts';
import type { Keyring, LentKeyMaterial, TenantKeyMaterial } from '../../domain/seal.ts';
import { createThreadKeys, type ThreadKeys } from './thread-keys.ts';

export type PageRequest =
  | { kind: 'encode'; id: number; job: EncodeJob; keys?: TenantKeyMaterial }
  | { kind: 'forget'; tenantId: string };

export type PageReply =
  | { id: number; page: SealedMailPage }
  /** `poisoned`: the page is at fault, and would be again. */
  | { id: number; error: string; poisoned: boolean };

/** The largest message costs a fifth of it; a page that needs more must end the thread, not us. */
const maxOldGenerationSizeMb = 256;

/** A page takes half a second; one that takes a minute is made to keep the thread from the others. */
const pageTimeoutMs = minuteMs;

interface Waiting {
  resolve(page: SealedMailPage): void;
  reject(error: Error): void;
}

/** What a thread is told when it is made. */
export interface PageThreadData {
  background: boolean;
}

export interface PageLaneOptions {
  /** Whether the thread stands back when the processor is wanted by others. */
  background: boolean;
  /** Bounds what the garbage of pages may grow to before it is collected. */
  maxYoungGenerationSizeMb: number;
  timeoutMs?: number | undefined;
}

/** One thread, with the pages that it has been given and the keys that it holds. */
interface Lane {
  thread: Worker;
  waiting: Map<number, Waiting>;
  threadKeys: ThreadKeys;
  /** Counts the time of the page that the thread is at. */
  watchFirst(): void;
}

/**
 * Decodes and seals pages in one thread beside this process. A thread that dies, or that does not
 * come to the end of a page, is replaced: the page that it was at is poisoned, those that waited
 * behind it have to be read again.
 */
export function createPageLane(
  keyring: Keyring,
  options: PageLaneOptions,
): PageEncoder & AsyncDisposable {
  let closed = false;
  const onEnd = (ended: Lane): { poisons: boolean } => {
    if (!closed && lane === ended) lane = openLane(options, onEnd);
    return { poisons: !closed };
  };
  let lane = openLane(options, onEnd);

  /** Asked for every page, and from memory nearly always: keys that were destroyed must not seal. */
  async function currentKeys(tenantId: string): Promise<LentKeyMaterial> {
    try {
      return await keyring.material(tenantId);
    } catch (error) {
      lane.threadKeys.takeBack(tenantId);
      throw error;
    }
  }

  let nextId = 0;
  async function encode(job: EncodeJob): Promise<SealedMailPage> {
    const keys = await currentKeys(job.tenantId);
    const { thread, waiting, threadKeys, watchFirst } = lane;
    const sent = threadKeys.lend(keys) ? { keys } : {};
    const id = (nextId += 1);
    return await new Promise<SealedMailPage>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      if (waiting.size === 1) watchFirst();
      thread.postMessage(
        { kind: 'encode', id, job, ...sent } satisfies PageRequest,
        buffersOf(job),
      );
    });
  }

  return {
    encode,
    [Symbol.asyncDispose]: async () => {
      closed = true;
      await lane.thread.terminate();
    },
  };
}

/** @param onEnd told once when the thread is gone; says whether the page that it was at is at fault */
function openLane(
  { background, maxYoungGenerationSizeMb, timeoutMs = pageTimeoutMs }: PageLaneOptions,
  onEnd: (ended: Lane) => { poisons: boolean },
): Lane {
  const thread = new Worker(new URL('./page-thread.ts', import.meta.url), {
    workerData: { background } satisfies PageThreadData,
    resourceLimits: { maxYoungGenerationSizeMb, maxOldGenerationSizeMb },
  });
  const waiting = new Map<number, Waiting>();
  const threadKeys = createThreadKeys((tenantId) =>
    thread.postMessage({ kind: 'forget', tenantId } satisfies PageRequest),
  );
  let timer: NodeJS.Timeout | undefined;
  const watchFirst = (): void => {
    clearTimeout(timer);
    if (waiting.size === 0) return;
    timer = setTimeout(() => void thread.terminate(), timeoutMs);
    timer.unref();
  };
  const lane: Lane = { thread, waiting, threadKeys, watchFirst };
  const fail = (cause: unknown): void => {
    clearTimeout(timer);
    threadKeys.clear();
    // Pages are answered in order: the thread was at the one that waits the longest.
    const [first, ...behind] = waiting.values();
    waiting.clear();
    const { poisons } = onEnd(lane);
    const error = new Error('The page thread ended before it answered.', { cause });
    first?.reject(poisons ? new PoisonedPageError(error.message, { cause }) : error);
    for (const request of behind) request.reject(error);
  };
  thread.on('message', (reply: PageReply) => {
    const request = waiting.get(reply.id);
    waiting.delete(reply.id);
    watchFirst();
    if ('page' in reply) request?.resolve(reply.page);
    else if (reply.poisoned) request?.reject(new PoisonedPageError(reply.error));
    else request?.reject(new Error(reply.error));
  });
  thread.once('error', fail);
  thread.once('exit', fail);
  thread.unref();
  return lane;
}

/** The buffers behind a page's bytes: moved, not copied; the job is spent afterwards. */
function buffersOf(job: EncodeJob): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const message of job.messages) {
    buffers.add(message.header.buffer as ArrayBuffer);
    for (const leaf of message.leaves) buffers.add(leaf.content.buffer as ArrayBuffer);
  }
  return [...buffers];
}
