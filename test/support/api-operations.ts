import { readFileSync } from 'node:fs';

/** One operation of the committed OpenAPI document. */
export interface Operation {
  method: string;
  pattern: string;
  security: Record<string, string[]>[];
  /** Its answer is kept under an Idempotency-Key. */
  kept: boolean;
}

interface Described {
  paths: Record<string, Record<string, DescribedOperation>>;
}

interface DescribedOperation {
  security?: Record<string, string[]>[];
  parameters?: { name: string }[];
  'x-repeatable'?: boolean;
}

/** All of them, in the order of the document. */
export function apiOperations(): Operation[] {
  const file = new URL('../../api/openapi.json', import.meta.url);
  const { paths } = JSON.parse(readFileSync(file, 'utf8')) as Described;
  return Object.entries(paths).flatMap(([pattern, methods]) =>
    Object.entries(methods).map(([method, { security = [], parameters = [], ...more }]) => ({
      method: method.toUpperCase(),
      pattern,
      security,
      kept: parameters.some(({ name }) => name === 'idempotency-key') && !more['x-repeatable'],
    })),
  );
}

/** Those that answer tenants' keys. */
export function tenantOperations(): Operation[] {
  return apiOperations().filter(({ security }) => security.some((one) => 'tenantKey' in one));
}
