import type { PageBounds } from '../../domain/provider.ts';

/**
 * What one transaction takes in. 200 items amortise the round trips (half as many cost a quarter of
 * the speed), and new mail waits behind them for a moment only; 4 MB of text keep three pages in
 * hand (read, sealed, stored) far below the worker's memory, however large the letters are.
 */
export const pageBounds: PageBounds = { itemsMax: 200, bytesMax: 4 * 1024 * 1024 };
