import { parseArgs } from 'node:util';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import type { SliceLife } from '../../activities/mail/slice.ts';
import { openDatabase } from '../../db/client.ts';
import { createWrappedKeyStore } from '../../db/queries/wrapped-keys.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';

/**
 * One import in a process of its own, by the same slices that the workflows run; prints its figures
 * as one line of JSON. `npm run bench import` starts it.
 */
const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    keys: { type: 'string' },
    rootKey: { type: 'string' },
    tenant: { type: 'string' },
    connection: { type: 'string' },
  },
});

const pool = { poolMax: 10, applicationName: 'steward-bench' };
const database = openDatabase(values.database!, pool);
const keys = openDatabase(values.keys!, pool);
const keyring = createKeyring({
  rootKeys: () => [Buffer.from(values.rootKey!, 'hex')],
  store: createWrappedKeyStore(keys),
  cacheMs: 3_600_000,
  cacheMax: 10,
});
const encoder = createPageEncoder(keyring);
const mail = createImapProvider({ allowedNetworks: ['127.0.0.0/8'], allowCleartext: true });
const poke = async (): Promise<void> => undefined;
const log = { info: () => undefined, warn: (facts: object) => console.error(facts) };
const deps = { database, keyring, encoder, mail, poke, log };
const target = {
  tenantId: values.tenant!,
  connectionId: values.connection!,
  capability: 'mail' as const,
};
let rssMax = 0;
const life: SliceLife = {
  heartbeat: () => {
    rssMax = Math.max(rssMax, process.memoryUsage.rss());
  },
  cancelled: new AbortController().signal,
};

const cpuBefore = process.cpuUsage();
const started = performance.now();
await runLiveSlice(deps, { ...target, poked: true, cautious: false, failuresBefore: 0 }, life);
let report = await runBackfillSlice(deps, { ...target, failuresBefore: 0 }, life);
while (report.outcome === 'more') {
  report = await runBackfillSlice(deps, { ...target, failuresBefore: 0 }, life);
}
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(cpuBefore);
const { stored } = report.progress;
const figures = { seconds, stored, cpuMs: (user + system) / 1_000, rssMb: rssMax / 2 ** 20 };
console.log(JSON.stringify({ ...figures, outcome: report.outcome }));
await mail.close();
await encoder[Symbol.asyncDispose]();
await Promise.all([database.close(), keys.close()]);
