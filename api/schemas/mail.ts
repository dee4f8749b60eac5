import { z } from '@hono/zod-openapi';
import { plausibleInstant } from '../../domain/instant.ts';
import { intentKinds } from '../../domain/intent.ts';
import { idSchema, publicId } from '../ids.ts';
import { listQuery } from '../pagination.ts';

/** RFC 5321 §4.5.3.1: 64 + @ + 255. */
const addressLengthMax = 320;

export const address = z.object({ name: z.string(), address: z.string() }).openapi('Address');

const refusal = z
  .object({
    intentId: publicId('intent'),
    kind: z.enum(intentKinds),
    reason: z.string(),
    at: z.iso.datetime(),
  })
  .openapi('Refusal', { description: 'A change that the provider refused, and why.' });

/** What was asked for and is not confirmed yet, or was refused; for the owner of the mailbox. */
const intentFields = {
  pending: z.boolean().openapi({
    description: 'Shown as it was asked for; the provider has not confirmed it yet.',
  }),
  refused: z.array(refusal),
};

export const folder = z
  .object({
    id: publicId('folder'),
    connectionId: publicId('connection'),
    name: z.string(),
    path: z.array(z.string()),
    role: z.string().nullable(),
    excluded: z.boolean(),
    stored: z.int(),
    expected: z.int(),
    uidValidity: z.string().nullable(),
    completeness: z.number().nullable().openapi({ description: 'As of reconciledAt.' }),
    reconciledAt: z.iso.datetime().nullable(),
    trouble: z.string().nullable().openapi({
      description: 'Why the provider will not hand the folder out; null while it does.',
    }),
    ...intentFields,
  })
  .openapi('Folder');

const placement = z.object({
  id: publicId('folder'),
  name: z.string(),
  uid: z.int().optional(),
});

const messageFields = {
  id: publicId('message'),
  connectionId: publicId('connection'),
  threadId: publicId('thread'),
  folders: z
    .array(placement)
    .openapi({ description: 'Empty for members who read it because it is tracked.' }),
  subject: z.string(),
  from: z.array(address),
  to: z.array(address),
  cc: z.array(address),
  messageId: z.string().nullable(),
  sentAt: z.iso.datetime().nullable(),
  receivedAt: z.iso.datetime(),
  size: z.int(),
  read: z.boolean(),
  flagged: z.boolean(),
  labels: z.array(z.string()),
  direction: z.enum(['inbound', 'outbound', 'draft']),
  tracked: z.boolean(),
  hasAttachments: z.boolean(),
  ...intentFields,
};

export const message = z.object(messageFields).openapi('Message');

export const messageDetail = z
  .object({
    ...messageFields,
    sender: z.array(address),
    replyTo: z.array(address),
    bcc: z.array(address),
    inReplyTo: z.string().nullable(),
    references: z.array(z.string()),
    listId: z.string().nullable(),
    deliveredTo: z.array(z.string()),
    attachments: z.array(
      z.object({ name: z.string(), type: z.string(), size: z.int(), part: z.string() }),
    ),
    headers: z
      .array(z.object({ name: z.string(), value: z.string() }))
      .openapi({ description: 'In their order, repeats kept, decoded.' }),
  })
  .openapi('MessageDetail');

export const messageBody = z
  .object({ id: publicId('message'), text: z.string().nullable(), html: z.string().nullable() })
  .openapi('MessageBody', {
    description: 'The HTML is the sender’s own: sanitise it and show it in a sandbox.',
  });

/** `z.coerce.boolean` would read "false" as true. */
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

const instant = z.iso
  .datetime({ offset: true })
  .refine((text) => plausibleInstant(Date.parse(text)) !== null, {
    message: 'Use an instant of the years 0001 to 9999, in UTC.',
  });

export const messageQuery = z.strictObject({
  connection: idSchema('connection').optional(),
  thread: idSchema('thread').optional(),
  contact: z
    .string()
    .optional()
    .openapi({ description: 'Refused until contacts are synced: filter by address.' }),
  address: z.string().trim().min(1).max(addressLengthMax).optional(),
  folder: idSchema('folder').optional(),
  after: instant.optional(),
  before: instant.optional(),
  tracked: flag.optional(),
  ...listQuery,
});

export const folderQuery = z.strictObject({
  connection: idSchema('connection').optional(),
  ...listQuery,
});

export const thread = z
  .object({
    id: publicId('thread'),
    connectionId: publicId('connection'),
    subject: z.string(),
    participants: z.array(address),
    messageCount: z.int(),
    firstMessageAt: z.iso.datetime(),
    lastMessageAt: z.iso.datetime(),
    lastMessageId: publicId('message'),
    tracked: z.boolean(),
    hasAttachments: z.boolean(),
  })
  .openapi('Thread');

export const threadDetail = z
  .object({ id: publicId('thread'), messages: z.array(message) })
  .openapi('ThreadDetail', { description: 'Oldest first; the messages that the member may read.' });

export const trackRequest = z
  .strictObject({
    contact: z
      .string()
      .optional()
      .openapi({ description: 'Refused until contacts are synced: leave it out.' }),
  })
  .openapi('TrackRequest');

export type MessageView = z.infer<typeof message>;
export type MessageDetailView = z.infer<typeof messageDetail>;
export type FolderView = z.infer<typeof folder>;
export type RefusalView = z.infer<typeof refusal>;
