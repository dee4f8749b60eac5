import { Worker } from 'node:worker_threads';
import type { EncodeJob, PageEncoder, SealedMailPage } from '../../domain/mail-page.ts';
import type { Keyring, TenantKeyMaterial } from '../../domain/seal.ts';

export type PageRequest =
  | { kind: 'encode'; id: number; job: EncodeJob; keys?: TenantKeyMaterial }
  | { kind: 'forget'; tenantId: string };

export type PageReply = { id: number; page: SealedMailPage } | { id: number; error: string };

/** Tenants whose keys the thread may hold at once; each costs a few kilobytes. */
const tenantsMax = 500;

/**
 * Pages are short-lived; a large young generation only keeps their garbage. The process itself runs
 * with `--max-semi-space-size=8` for the same reason: 330 MB resident instead of 450 while importing.
 */
const maxYoungGenerationSizeMb = 16;

interface Waiting {
  resolve(page: SealedMailPage): void;
  reject(error: Error): void;
}

/** Decodes and seals pages in one thread beside this process. A dead thread is replaced. */
export function createPageEncoder(keyring: Keyring): PageEncoder & AsyncDisposable {
  let lane = openLane();
  let closed = false;

  function openLane() {
    const thread = new Worker(new URL('./page-thread.ts', import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    const waiting = new Map<number, Waiting>();
    const known = new Set<string>();
    const fail = (cause: unknown): void => {
      const error = new Error('The page thread ended before it answered.', { cause });
      for (const request of waiting.values()) request.reject(error);
      waiting.clear();
      if (!closed && lane.thread === thread) lane = openLane();
    };
    thread.on('message', (reply: PageReply) => {
      const request = waiting.get(reply.id);
      waiting.delete(reply.id);
      if ('page' in reply) request?.resolve(reply.page);
      else request?.reject(new Error(reply.error));
    });
    thread.once('error', fail);
    thread.once('exit', fail);
    thread.unref();
    return { thread, waiting, known };
  }

  let nextId = 0;
  async function encode(job: EncodeJob): Promise<SealedMailPage> {
    const keys = lane.known.has(job.tenantId) ? undefined : await keyring.material(job.tenantId);
    const { thread, waiting, known } = lane;
    if (keys) remember(known, thread, job.tenantId);
    const id = (nextId += 1);
    return await new Promise<SealedMailPage>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      thread.postMessage(
        { kind: 'encode', id, job, ...(keys && { keys }) } satisfies PageRequest,
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

function remember(known: Set<string>, thread: Worker, tenantId: string): void {
  known.add(tenantId);
  if (known.size <= tenantsMax) return;
  const oldest = known.values().next().value!;
  known.delete(oldest);
  thread.postMessage({ kind: 'forget', tenantId: oldest } satisfies PageRequest);
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
