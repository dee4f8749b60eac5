import type { HistoryPage } from '../../domain/provider.ts';
import { settled, unwrap, type Settled } from '../../domain/settled.ts';
import { giveWay } from './live-first.ts';
import type { SyncFolder } from './folders.ts';
import type { Slice } from './slice.ts';
import { preparePage, storePreparedPage } from './store-slice-page.ts';

/**
 * Pages sealed or stored at once, beside the one that the adapter reads. With one a stage waits for
 * another (a quarter of the speed); a third gains nothing, and would be read again after a kill.
 */
export const pagesInFlightMax = 2;

/** Stores pages in their order, while later ones are read and sealed. */
export interface StoreQueue {
  /**
   * Waits until there is a place for the next page, not for this one: whoever held a page without
   * a place would hold one more than is in flight. Pages behind one that failed are not stored.
   * @throws what an earlier page failed with
   */
  add(folder: SyncFolder, page: HistoryPage): Promise<void>;
  /** Waits until all pages are stored. @throws what the first page that failed did */
  drain(): Promise<void>;
}

export function createStoreQueue(slice: Slice): StoreQueue {
  let inFlight: Promise<Settled<void>>[] = [];

  async function store(
    folder: SyncFolder,
    page: HistoryPage,
    before: Promise<Settled<void>> | undefined,
  ): Promise<Settled<void>> {
    const sealing = settled(preparePage(slice, folder, page));
    const earlier = await before;
    // A cursor must not pass what is not stored.
    if (earlier && 'error' in earlier) return earlier;
    const prepared = await sealing;
    await giveWay(slice.licence.connectionId);
    if ('error' in prepared) return prepared;
    return await settled(storePreparedPage(slice, folder, 'backfill', prepared.value));
  }

  return {
    add: async (folder, page) => {
      await giveWay(slice.licence.connectionId);
      inFlight.push(store(folder, page, inFlight.at(-1)));
      if (inFlight.length >= pagesInFlightMax) unwrap(await inFlight.shift()!);
    },
    drain: async () => {
      const ended = await Promise.all(inFlight);
      inFlight = [];
      for (const page of ended) unwrap(page);
    },
  };
}
