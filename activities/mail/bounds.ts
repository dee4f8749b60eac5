import type { PageBounds } from '../../domain/provider.ts';

/**
 * What one transaction takes in. 400 items amortise the round trips; 4 MB of text keep three pages
 * in flight (read, sealed, stored) far below the worker's memory, however large the letters are.
 */
export const pageBounds: PageBounds = { itemsMax: 200, bytesMax: 4 * 1024 * 1024 };
