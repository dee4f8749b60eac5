import { z } from '@hono/zod-openapi';
import { idPrefixes, parsePublicId, type IdKind } from '../domain/ids.ts';
import { notFound } from './problem.ts';

/** An id in a path. Whatever is no id of that kind names nothing, hence a 404. */
export function requireId(kind: IdKind, text: string): string {
  const uuid = parsePublicId(kind, text);
  if (uuid === undefined) throw notFound();
  return uuid;
}

/** An id in a body or a query: the public form outside, the UUID for the handler. */
export function idSchema(kind: IdKind) {
  return publicId(kind).transform((text, context) => {
    const uuid = parsePublicId(kind, text);
    if (uuid !== undefined) return uuid;
    context.addIssue({ code: 'custom', message: `Must be an id such as ${exampleId(kind)}.` });
    return z.NEVER;
  });
}

/** An id in an answer, or in a path. */
export function publicId(kind: IdKind) {
  return z
    .string()
    .max(64)
    .openapi({ example: exampleId(kind) });
}

/** `{id}` of a path. */
export function idParams(kind: IdKind) {
  return z.object({ id: publicId(kind).openapi({ param: { name: 'id', in: 'path' } }) });
}

function exampleId(kind: IdKind): string {
  return `${idPrefixes[kind]}_0199a3c45b7e7d12a4c1f0e2d3b4a596`;
}
