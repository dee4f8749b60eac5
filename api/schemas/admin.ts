import { z } from '@hono/zod-openapi';
import { publicId } from '../ids.ts';

const nameLengthMax = 200;
const name = z
  .string()
  .trim()
  .min(1)
  .max(nameLengthMax)
  .regex(/^\P{Cc}+$/u, 'No control characters.');
const onceKey = z
  .string()
  .nullable()
  .openapi({ description: 'Shown once; null when an answer is replayed.' });

export const newOperator = z.strictObject({ name }).openapi('NewOperator');

export const operator = z
  .object({
    id: publicId('operator'),
    name: z.string(),
    createdAt: z.iso.datetime(),
    revokedAt: z.iso.datetime().nullable(),
  })
  .openapi('Operator');

export const createdOperator = operator.extend({ key: onceKey }).openapi('CreatedOperator');

export const newTenant = z
  .strictObject({
    name,
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/)
      .optional(),
  })
  .openapi('NewTenant');

export const tenant = z
  .object({
    id: publicId('tenant'),
    name: z.string(),
    region: z.string().nullable(),
    state: z.string(),
    createdAt: z.iso.datetime(),
  })
  .openapi('Tenant');

export const createdTenant = tenant
  .extend({ apiKey: z.object({ id: publicId('apiKey'), key: onceKey }) })
  .openapi('CreatedTenant');

export const newMember = z
  .strictObject({
    name,
    email: z.email().max(320),
    role: z.enum(['owner', 'admin', 'member']).default('member'),
  })
  .openapi('NewMember');

export const member = z
  .object({
    id: publicId('member'),
    name: z.string(),
    email: z.string(),
    role: z.enum(['owner', 'admin', 'member']),
    createdAt: z.iso.datetime(),
  })
  .openapi('Member');
