import { z } from '@hono/zod-openapi';
import { scopes } from '../../domain/scope.ts';
import { idSchema, publicId } from '../ids.ts';
import { lineOfText } from './text.ts';

const nameLengthMax = 200;
const name = lineOfText().trim().min(1).max(nameLengthMax);
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

/** RFC 5321 §4.5.3.1: 64 + @ + 255. */
const emailLengthMax = 320;
const email = z.email().max(emailLengthMax);
const role = z.enum(['owner', 'admin', 'member']);

export const newMember = z
  .strictObject({
    name,
    email,
    role: role.default('member'),
  })
  .openapi('NewMember');

export const memberChange = z
  .strictObject({ name: name.optional(), email: email.optional(), role: role.optional() })
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    message: 'Give at least one of name, email and role.',
  })
  .openapi('MemberChange');

export const member = z
  .object({
    id: publicId('member'),
    name: z.string(),
    email: z.string(),
    role,
    createdAt: z.iso.datetime(),
    leftAt: z.iso
      .datetime()
      .nullable()
      .openapi({ description: 'Off-boarded then; the name stays on tracked mail.' }),
  })
  .openapi('Member');

const scopeList = z.array(z.enum(scopes));
const chosenScopes = scopeList
  .min(1)
  .max(scopes.length)
  .transform((chosen) => scopes.filter((scope) => chosen.includes(scope)))
  .optional();

export const newApiKey = z
  .strictObject({
    label: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'Up to 40 of a to z, 0 to 9 and hyphens.')
      .optional()
      .openapi({ description: 'What uses the key: no names of people.', example: 'crm-backend' }),
    scopes: chosenScopes,
  })
  .openapi('NewApiKey');

export const apiKey = z
  .object({
    id: publicId('apiKey'),
    label: z.string().nullable(),
    scopes: scopeList,
    createdAt: z.iso.datetime(),
    revokedAt: z.iso.datetime().nullable(),
  })
  .openapi('ApiKey');

export const createdApiKey = apiKey.extend({ key: onceKey }).openapi('CreatedApiKey');

/** A browser that goes on working asks its CRM for another; a stolen token dies with the hour. */
const tokenLifeSecondsMax = 3_600;

export const newMemberToken = z
  .strictObject({
    memberId: idSchema('member'),
    lifeSeconds: z.int().min(1).max(tokenLifeSecondsMax).default(tokenLifeSecondsMax),
    scopes: chosenScopes,
  })
  .openapi('NewMemberToken');

export const memberToken = z
  .object({
    id: publicId('memberToken'),
    memberId: publicId('member'),
    scopes: scopeList,
    expiresAt: z.iso.datetime(),
    token: onceKey,
  })
  .openapi('MemberToken');

const auditName = z.object({
  kind: z.string().openapi({ example: 'member' }),
  id: z.string().nullable(),
});

export const auditEntry = z
  .object({
    position: z.int().openapi({ description: 'Place in the installation’s chain.' }),
    at: z.iso.datetime(),
    action: z.string(),
    actor: auditName,
    target: auditName,
  })
  .openapi('AuditEntry');

export const adminAuditEntry = auditEntry
  .extend({ tenantId: publicId('tenant').nullable() })
  .openapi('AdminAuditEntry');

export type MemberChangeBody = z.infer<typeof memberChange>;
