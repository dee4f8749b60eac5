import type { PageBounds } from '../../domain/provider.ts';

/**
 * What a slice has in hand at a time, and what a killed worker has to read again. 400 items amortise the
 * round trips, and new mail waits behind them for a moment only; 4 MB of text keep them far below the
 * worker's memory, however large the letters are.
 */
export const pageBounds: PageBounds = { itemsMax: 400, bytesMax: 4 * 1024 * 1024 };

/** Of a history two pages are in hand (import-line.ts): each has half of it. */
export const historyPageBounds: PageBounds = {
  itemsMax: pageBounds.itemsMax / 2,
  bytesMax: pageBounds.bytesMax / 2,
};
