import { z } from '@hono/zod-openapi';
import { intentKinds, intentStates } from '../../domain/intent.ts';
import { idSchema, publicId } from '../ids.ts';
import { listQuery } from '../pagination.ts';
import { folder, message } from './mail.ts';
import { lineOfText } from './text.ts';

/** Gmail's own limit for a label; for a keyword Dovecot's is 50, others go further. */
const keywordLengthMax = 225;
/** As many as are read of one message. */
const keywordsMax = 100;
const folderDepthMax = 20;
const folderNameLengthMax = 255;

/** A keyword, or a label where the provider has them. */
const keyword = lineOfText().min(1).max(keywordLengthMax);

const folderPath = z
  .array(lineOfText().min(1).max(folderNameLengthMax))
  .min(1)
  .max(folderDepthMax)
  .openapi({ description: 'Names from the root down.' });

export const messageChange = z
  .strictObject({
    read: z.boolean().optional(),
    flagged: z.boolean().optional(),
    keywords: z
      .array(keyword)
      .max(keywordsMax)
      .optional()
      .openapi({
        description:
          'The complete list as it is to be; shown in labels. A keyword is ASCII without spaces ' +
          'and ( ) { % * " \\ ]; on hosts with labels any other text is a label, and \\Inbox, ' +
          '\\Important and \\Starred are among them.',
      }),
    folder: idSchema('folder')
      .optional()
      .openapi({
        description:
          'Where to move the message. On hosts with labels, the folder of all mail also takes it ' +
          'out of the inbox.',
      }),
    trash: z.literal(true).optional(),
  })
  .openapi('MessageChange');

export const newFolder = z
  .strictObject({ connectionId: idSchema('connection'), path: folderPath })
  .openapi('NewFolder');

export const folderChange = z.strictObject({ path: folderPath.optional() }).openapi('FolderChange');

const intentIds = z
  .array(publicId('intent'))
  .openapi({ description: 'What was asked for; see /v1/connections/{id}/intents.' });

export const messageChanging = z
  .object({ message, intents: intentIds })
  .openapi('MessageChanging', { description: 'The message as it will be.' });

export const messageDeleting = z
  .object({ id: publicId('message'), intents: intentIds })
  .openapi('MessageDeleting');

export const folderChanging = z
  .object({
    folder: z.union([folder, z.null()]).openapi({
      description: 'As it will be; null when it is deleted, or not there yet.',
    }),
    intents: intentIds,
  })
  .openapi('FolderChanging');

export const intent = z
  .object({
    id: publicId('intent'),
    connectionId: publicId('connection'),
    memberId: publicId('member'),
    kind: z.enum(intentKinds),
    state: z.enum(intentStates),
    reason: z.string().nullable(),
    attempts: z.int(),
    messageId: publicId('message').nullable(),
    folderId: publicId('folder').nullable().openapi({
      description: 'Where a move leads, or the folder; of a new one, once it is there.',
    }),
    read: z.boolean().nullable(),
    flagged: z.boolean().nullable(),
    addKeywords: z.array(z.string()),
    removeKeywords: z.array(z.string()),
    path: z.array(z.string()).nullable(),
    createdAt: z.iso.datetime(),
    attemptedAt: z.iso.datetime().nullable(),
    finishedAt: z.iso.datetime().nullable(),
  })
  .openapi('Intent', {
    description: 'What it is about is shown to the owner of the mailbox only.',
  });

export const intentQuery = z.strictObject({ state: z.enum(intentStates).optional(), ...listQuery });

export type IntentView = z.infer<typeof intent>;
export type MessageChangeBody = z.infer<typeof messageChange>;
