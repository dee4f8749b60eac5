import { settled, type Settled } from '../../domain/settled.ts';
import type { SyncFolder } from './folders.ts';
import { giveWay } from './live-first.ts';
import type { Slice } from './slice.ts';
import { storePreparedPage, type PreparedPage } from './store-slice-page.ts';

/** Pages of an import on their way into the store, in their order, one at a time. */
export interface ImportLine {
  /**
   * Begins to store a page as soon as the one before is stored, and lets the next be read meanwhile.
   * Returns whether the slice has to end: the page is left to the next one then.
   */
  put(folder: SyncFolder, page: PreparedPage): Promise<boolean>;
  /** Waits for the page that is being stored. Returns whether the slice has to end. */
  empty(): Promise<boolean>;
}

/**
 * Reading and sealing keep the server, the thread that talks and the page threads at work, storing the
 * database: the one is done while the other is. So two pages are in hand, of half the size.
 */
export function createImportLine(slice: Slice): ImportLine {
  let storing: Promise<Settled<boolean>> | undefined;

  async function empty(): Promise<boolean> {
    const stored = await storing;
    storing = undefined;
    if (!stored) return false;
    if ('error' in stored) throw stored.error;
    return stored.value;
  }

  async function store(folder: SyncFolder, page: PreparedPage): Promise<boolean> {
    await storePreparedPage(slice, folder, 'backfill', page);
    return slice.pulse();
  }

  return {
    put: async (folder, page) => {
      if (await empty()) return true;
      await giveWay(slice.licence.connectionId);
      storing = settled(store(folder, page));
      return false;
    },
    empty,
  };
}
