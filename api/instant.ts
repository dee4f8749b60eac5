/** An instant as the driver gives it → RFC 3339 in UTC. */
export function toInstant(text: string): string;
export function toInstant(text: string | null): string | null;
export function toInstant(text: string | null): string | null {
  return text === null ? null : new Date(text).toISOString();
}
