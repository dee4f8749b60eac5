import { z } from '@hono/zod-openapi';
import { refusedDays } from '../../db/queries/intent-counts.ts';
import { plausibleInstant } from '../../domain/instant.ts';
import { writeAbilities } from '../../domain/mail-writer.ts';
import { capabilities, syncStates } from '../../domain/sync.ts';
import { idSchema, publicId } from '../ids.ts';
import { lineOfText } from './text.ts';

/** RFC 1035 §2.3.4 allows 253 characters. */
const hostLengthMax = 253;
const portMax = 65_535;
/** Longer than any mail server accepts; tokens of large identity providers pass 2,000. */
const secretLengthMax = 8_192;
const usernameLengthMax = 320;
const foldersExcludedMax = 200;
const folderDepthMax = 20;
const folderNameLengthMax = 255;

const accountFields = {
  host: z.string().trim().min(1).max(hostLengthMax),
  port: z.int().min(1).max(portMax),
  security: z.enum(['tls', 'starttls', 'none']),
  username: lineOfText().min(1).max(usernameLengthMax),
};
const secretFields = {
  password: z.string().min(1).max(secretLengthMax).optional(),
  accessToken: z.string().min(1).max(secretLengthMax).optional(),
};
const oneSecret = {
  message: 'Give either password or accessToken.',
  path: ['password'],
};
const hasOneSecret = (imap: { password?: string | undefined; accessToken?: string | undefined }) =>
  (imap.password === undefined) !== (imap.accessToken === undefined);

const imapAccount = z
  .strictObject({ ...accountFields, ...secretFields })
  .refine(hasOneSecret, oneSecret);

/** A stored password is never sent to another place, so a new place needs the secret again. */
const imapChange = z
  .strictObject({ ...z.strictObject(accountFields).partial().shape, ...secretFields })
  .refine(hasOneSecret, oneSecret);

const day = z.iso
  .date()
  .refine((text) => plausibleInstant(Date.parse(text)) !== null, {
    message: 'Use a day of the years 0001 to 9999.',
  })
  .openapi({ description: 'Mail received before this day is not imported.' });
const folderPaths = z
  .array(z.array(z.string().min(1).max(folderNameLengthMax)).min(1).max(folderDepthMax))
  .max(foldersExcludedMax)
  .openapi({ description: 'Each as the array of its names from the root down.' });

export const newConnection = z
  .strictObject({
    provider: z.literal('imap'),
    memberId: idSchema('member'),
    capabilities: z
      .array(z.literal('mail', 'An IMAP connection has the capability mail and no other.'))
      .min(1)
      .max(capabilities.length),
    backfillSince: day.nullable().optional().openapi({
      description:
        'Null imports everything. Left out, it is as it was before a disconnect, else everything.',
    }),
    imap: imapAccount,
    excludedFolders: folderPaths.optional().openapi({
      description:
        'Each as the array of its names from the root down. Left out, they are as they were before ' +
        'a disconnect, else none.',
    }),
  })
  .openapi('NewConnection');

export const connectionChange = z
  .strictObject({
    imap: imapChange.optional().openapi({
      description:
        'The same account with new credentials, host, port or security; proven by a login.',
    }),
    backfillSince: day.nullable().optional().openapi({
      description:
        'Null imports everything. An earlier day imports more; a later one erases nothing.',
    }),
    excludedFolders: folderPaths.optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    message: 'Give at least one of imap, backfillSince and excludedFolders.',
  })
  .openapi('ConnectionChange');

export const ownAddress = z
  .object({ address: z.string(), kind: z.enum(['account', 'alias']) })
  .openapi('OwnAddress');

const reconciliation = z
  .object({
    finishedAt: z.iso.datetime(),
    listed: z.int().openapi({ description: 'Without what the member chose to leave out.' }),
    stored: z.int(),
    missingBefore: z.int(),
    missingAfter: z.int().openapi({ description: 'Items in quarantine among them.' }),
    completenessBefore: z.number(),
    extra: z.int().openapi({ description: 'Stored, but no longer there: hidden.' }),
    altered: z.int().openapi({ description: 'Rows that did not hold together: read again.' }),
  })
  .openapi('Reconciliation', { description: "The store beside the provider's own listing." });

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
    deletionsHeld: z
      .int()
      .openapi({ description: 'Items that vanished at the server; see /confirm-deletions.' }),
    writes: z
      .array(z.enum(writeAbilities))
      .nullable()
      .openapi({
        description:
          'What can be changed at the provider; other changes are refused. Null before the first ' +
          'look.',
      }),
    intents: z
      .object({
        pending: z.int(),
        refused: z.int().openapi({ description: `Within the last ${refusedDays} days.` }),
      })
      .openapi({ description: 'Changes that were asked for; see /intents.' }),
    reconciliation: reconciliation.nullable(),
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
export type ConnectionChangeBody = z.infer<typeof connectionChange>;
export type NewConnectionBody = z.infer<typeof newConnection>;
