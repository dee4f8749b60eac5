import { setPriority } from 'node:os';
import { parentPort, workerData, type Transferable } from 'node:worker_threads';
import { encodePage } from '../../activities/mail/encode-page.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { createVault } from '../../runtime/seal.ts';
import type { PageReply, PageRequest, PageThreadData } from './page-lane.ts';

/** Scheduled after the threads that talk, as `nice` does it: an import has time, an arrival has not. */
const backgroundPriority = 5;

const { background } = workerData as PageThreadData;
// Elsewhere than on Linux this would be the priority of the whole process.
if (background && process.platform === 'linux') setPriority(backgroundPriority);

/** The thread's whole life: unseal nothing, seal what it is given, answer in order. */
const vaults = new Map<string, TenantVault>();

parentPort!.on('message', (request: PageRequest) => {
  if (request.kind === 'forget') {
    vaults.delete(request.tenantId);
    return;
  }
  if (request.keys) vaults.set(request.job.tenantId, createVault(request.keys));
  const { reply, transfer } = answer(request);
  parentPort!.postMessage(reply, transfer);
});

function answer(request: Extract<PageRequest, { kind: 'encode' }>): {
  reply: PageReply;
  transfer: Transferable[];
} {
  const { id, job } = request;
  try {
    const vault = vaults.get(job.tenantId);
    if (!vault) {
      const error = 'The tenant has no keys here.';
      return { reply: { id, error, poisoned: false }, transfer: [] };
    }
    const page = encodePage(vault, job);
    return { reply: { id, page }, transfer: [page.blob.buffer as ArrayBuffer] };
  } catch (error) {
    // Only the class crosses over: a message could quote content.
    const name = error instanceof Error ? error.name : 'unknown error';
    const words = `Encoding the page failed with a ${name}.`;
    return { reply: { id, error: words, poisoned: true }, transfer: [] };
  }
}
