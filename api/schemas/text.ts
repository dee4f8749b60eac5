import { z } from '@hono/zod-openapi';

/** A text in one line that people read. The pattern is told without its flag, which no document has. */
export function lineOfText() {
  return z
    .string()
    .regex(/^\P{Cc}+$/u, 'No control characters.')
    .openapi({ pattern: String.raw`^\P{Cc}+$` });
}
