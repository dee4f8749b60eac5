/** RFC 5322 §3.3 writes years with four digits; the store and JSON read no others. */
const [earliest, latest] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59Z')];

/** Milliseconds that somebody else named as an instant, or null when they are none we can keep. */
export function plausibleInstant(milliseconds: number): Date | null {
  return milliseconds >= earliest && milliseconds <= latest ? new Date(milliseconds) : null;
}
