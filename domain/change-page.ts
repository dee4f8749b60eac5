import type { ChangePage } from './provider.ts';

/** A page of changes that brings what is given, and nothing else. */
export function changePage(
  content: Pick<ChangePage, 'cursor' | 'more'> & Partial<ChangePage>,
): ChangePage {
  return {
    messages: [],
    failures: [],
    flagChanges: [],
    vanished: [],
    inferred: false,
    renumbered: false,
    reordered: false,
    listed: undefined,
    ...content,
  };
}
