/** A place in the driver's source, and what stands there instead. */
interface Mend {
  token: string;
  /** How often it occurs; each is replaced. */
  count: number;
  by: string;
}

/**
 * What is added to the scope in which the driver keeps a connection. `lose` is called as its socket has
 * closed: what was given to the connection fails, also what came between the socket's error and its
 * close, and nothing is left that the next socket's answers could meet. It says whether whoever waits
 * for the connection goes on waiting, for the next of several servers; each is tried once.
 * `tellLost` lets a pool end that waited for the connection's last answer, unless work waits for it.
 */
const functions = `
  function dropUnsent() {
    clearImmediate(nextWriteTimer);
    nextWriteTimer = chunk = null;
  }

  function lose() {
    const waiting = initial;
    const lost = Errors.connection('CONNECTION_CLOSED', options);
    initial = null;
    errored(lost);
    while (sent.length > 0) queryError(sent.shift(), lost);
    query = results = errorResponse = null;
    rows = 0;
    if (!waiting) return false;
    if (options.host[++retries]) {
      initial = waiting;
      return true;
    }
    options.shared.retries++;
    queryError(waiting, lost);
    return false;
  }

  function tellLost(...args) {
    onclose(...args);
    if (!ended || initial) return;
    ended();
    ending = ended = null;
  }
`;

const mends: readonly Mend[] = [
  // What waits for its turn belongs to its socket. A timer that seems to run is never started again.
  { token: 'clearImmediate(nextWriteTimer)', count: 3, by: 'dropUnsent()' },
  // Refused at once, and nothing more is given to it. Without a socket it stays where the pool has it.
  {
    token: 'if (terminated)',
    count: 1,
    by: `if (!socket || socket.destroyed) {
      queryError(q, Errors.connection('CONNECTION_CLOSED', options));
      return !socket;
    }
    if (terminated)`,
  },
  // What cannot be said at all fails by itself, not the statement whose answer is awaited; left in the
  // row it would take the next one's.
  {
    token: 'sent.length === 0 && write(Sync)',
    count: 1,
    by: `if (query !== q) {
        sent.remove(q);
        queryError(q, error);
        return true;
      }
      write(Sync)`,
  },
  // The first query of a connection that closes before it is ready is not tried without end.
  { token: 'if (initial)\n      return', count: 1, by: 'if (lose())\n      return' },
  // Whoever waits for the end of a connection waits no longer than it lives.
  { token: 'onclose(connection,', count: 1, by: 'tellLost(connection,' },
  // It fails with the query that it is asked for, which somebody hears of.
  { token: 'return fetchArrayTypes()', count: 1, by: 'return fetchArrayTypes().catch(noop)' },
  { token: 'async function closed(', count: 1, by: `${functions}\n  async function closed(` },
];

/**
 * The source of the driver's connection without the faults of 3.4.9.
 * @throws when it is not the source that the repair was made for
 */
export function mendedConnection(source: string): string {
  for (const { token, count } of mends) {
    const found = source.split(token).length - 1;
    if (found === count) continue;
    throw new Error(
      `The package postgres is not the one that is mended as it is loaded: its connection.js has ` +
        `"${token}" ${found} times instead of ${count}. Install the version of package-lock.json; ` +
        'for another one, see what of db/driver-repair.ts it still needs (test/db/driver.test.ts).',
    );
  }
  const mended = mends.reduce((text, { token, by }) => text.replaceAll(token, () => by), source);
  return `${mended}\nexport const mended = true;\n`;
}
