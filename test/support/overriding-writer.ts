import type { ActivityDeps } from '../../activities/deps.ts';
import type { MailWriter } from '../../domain/mail-writer.ts';

/** The mailbox's own adapter with another writing side, for tests that count or cut off. */
export function overridingWriter(
  mail: ActivityDeps['mail'],
  override: (write: MailWriter) => MailWriter,
): ActivityDeps['mail'] {
  return {
    ...mail,
    connect: async (account, signal) => {
      const session = await mail.connect(account, signal);
      return { ...session, write: override(session.write) };
    },
  };
}
