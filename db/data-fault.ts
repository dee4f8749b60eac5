/**
 * Classes of SQLSTATE that blame the values of a statement and nothing else: a row named twice, a
 * number or a text that its column cannot hold, a limit of the server (PostgreSQL, Appendix A).
 */
const dataFault = /^(21|22|54)/;

/** Whether an error says that these very values cannot be stored, now or later. */
export function isDataFault(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    // What the driver could not even write down, for example a date that is none.
    if (cause instanceof RangeError) return true;
    if ('code' in cause && typeof cause.code === 'string' && dataFault.test(cause.code))
      return true;
  }
  return false;
}
