/**
 * Threads by References and Message-ID (RFC 5256 without the subject heuristics: a subject alone
 * never joins threads). Messages that name a common Message-ID are one thread.
 */
export interface ThreadItem {
  messageId: string;
  /** Indexes of its own Message-ID and of all it refers to. */
  references: string[];
}

export interface ThreadPlan {
  /** Thread of each item, in the items' order. */
  threads: string[];
  /** References that are new, or now belong to another thread. */
  references: Map<string, string>;
  /** Threads that turned out to be one: loser → winner. */
  merges: Map<string, string>;
}

/** Joins a page's messages with each other and with the threads that the store knows. */
export function planThreads(items: ThreadItem[], known: Map<string, string>): ThreadPlan {
  const parents = new Map<string, string>();
  const find = (thread: string): string => {
    let root = thread;
    for (let up = parents.get(root); up !== undefined; up = parents.get(root)) root = up;
    if (root !== thread) parents.set(thread, root);
    return root;
  };
  const existing = new Set(known.values());
  const join = (a: string, b: string): string => {
    const [left, right] = [find(a), find(b)];
    if (left === right) return left;
    const winner = pickWinner(left, right, existing);
    parents.set(winner === left ? right : left, winner);
    return winner;
  };

  const threadOf = new Map(known);
  const first = items.map((item) => {
    let thread = item.messageId;
    for (const reference of item.references) {
      const other = threadOf.get(reference);
      if (other !== undefined) thread = thread === item.messageId ? other : join(thread, other);
    }
    for (const reference of item.references) threadOf.set(reference, thread);
    return thread;
  });

  const references = new Map<string, string>();
  for (const [reference, thread] of threadOf) {
    const root = find(thread);
    if (known.get(reference) !== root) references.set(reference, root);
  }
  const merges = new Map<string, string>();
  for (const thread of existing) if (find(thread) !== thread) merges.set(thread, find(thread));
  return { threads: first.map(find), references, merges };
}

/** A thread the store knows wins over a new one; among equals the smaller id, so order is moot. */
function pickWinner(left: string, right: string, existing: Set<string>): string {
  const [leftKnown, rightKnown] = [existing.has(left), existing.has(right)];
  if (leftKnown !== rightKnown) return leftKnown ? left : right;
  return left < right ? left : right;
}
