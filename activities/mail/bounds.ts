import type { PageBounds } from '../../domain/provider.ts';

/**
 * What one transaction takes in, and what a killed worker has to read again: one page is in hand at a
 * time. 400 items amortise the round trips (half as many cost a quarter of the speed), and new mail
 * waits behind them for a moment only; 4 MB of text keep a page far below the worker's memory,
 * however large the letters are.
 */
export const pageBounds: PageBounds = { itemsMax: 400, bytesMax: 4 * 1024 * 1024 };
