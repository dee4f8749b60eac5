import { z } from '@hono/zod-openapi';
import { capabilities, syncStates } from '../../domain/sync.ts';
import { idSchema, publicId } from '../ids.ts';

/** RFC 1035 §2.3.4 allows 253 characters. */
const hostLengthMax = 253;
const portMax = 65_535;
/** Longer than any mail server accepts; tokens of large identity providers pass 2,000. */
const secretLengthMax = 8_192;
const usernameLengthMax = 320;
const foldersExcludedMax = 200;
const folderDepthMax = 20;
const folderNameLengthMax = 255;

const imapAccount = z
  .strictObject({
    host: z.string().trim().min(1).max(hostLengthMax),
    port: z.int().min(1).max(portMax),
    security: z.enum(['tls', 'starttls', 'none']),
    username: z
      .string()
      .min(1)
      .max(usernameLengthMax)
      .regex(/^\P{Cc}+$/u, 'No control characters.'),
    password: z.string().min(1).max(secretLengthMax).optional(),
    accessToken: z.string().min(1).max(secretLengthMax).optional(),
  })
  .refine((imap) => (imap.password === undefined) !== (imap.accessToken === undefined), {
    message: 'Give either password or accessToken.',
    path: ['password'],
  });

export const newConnection = z
  .strictObject({
    provider: z.literal('imap'),
    memberId: idSchema('member'),
    capabilities: z
      .array(z.literal('mail', 'An IMAP connection has the capability mail and no other.'))
      .min(1)
      .max(capabilities.length),
    backfillSince: z.iso
      .date()
      .optional()
      .openapi({ description: 'Mail received before this day is not imported.' }),
    imap: imapAccount,
    excludedFolders: z
      .array(z.array(z.string().min(1).max(folderNameLengthMax)).min(1).max(folderDepthMax))
      .max(foldersExcludedMax)
      .optional()
      .openapi({ description: 'Each as the array of its names from the root down.' }),
  })
  .openapi('NewConnection');

const capabilityState = z
  .object({
    state: z.enum(syncStates),
    reason: z.string().nullable(),
    stateSince: z.iso.datetime(),
    stored: z.int(),
    expected: z.int(),
    lagSeconds: z.int().nullable(),
    watchAgeSeconds: z.int().nullable(),
    completeness: z.number().nullable(),
    skips: z.int().openapi({ description: 'Items in quarantine; see /skips.' }),
    backfillDone: z.boolean(),
    lastError: z.object({ kind: z.string(), at: z.iso.datetime() }).nullable(),
    nextAttemptAt: z.iso.datetime().nullable(),
    workflowId: z.string(),
    workflowUrl: z.string().nullable(),
  })
  .openapi('CapabilityState');

export const connection = z
  .object({
    id: publicId('connection'),
    provider: z.string(),
    memberId: publicId('member'),
    address: z.string(),
    host: z.string(),
    state: z.enum(syncStates),
    capabilities: z.object({ mail: capabilityState.optional() }),
    backfillSince: z.string().nullable(),
    excludedFolders: z
      .array(z.array(z.string()))
      .nullable()
      .openapi({ description: "Only for the connection's own member; null for everybody else." }),
    createdAt: z.iso.datetime(),
    disconnectedAt: z.iso.datetime().nullable(),
    eraseAfter: z.iso.datetime().nullable(),
  })
  .openapi('Connection');

export const accepted = z
  .object({
    id: publicId('connection'),
    state: z.enum(syncStates),
    statusUrl: z.string().openapi({ description: 'Where to look.' }),
  })
  .openapi('Accepted');

export const skip = z
  .object({
    id: publicId('skip'),
    connectionId: publicId('connection'),
    folderId: publicId('folder'),
    uid: z.int(),
    uidValidity: z.string(),
    reason: z.string(),
    strikes: z.int(),
    quarantinedAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
  })
  .openapi('Skip');

export type ConnectionView = z.infer<typeof connection>;
export type NewConnectionBody = z.infer<typeof newConnection>;
