import type { ActivityDeps } from '../../activities/deps.ts';
import type { MailSession } from '../../domain/provider.ts';

/**
 * The mailbox's own adapter; before the look at one folder something else happens, as another
 * client's change falls between the looks at two folders.
 */
export function beforeLookingAt(
  mail: ActivityDeps['mail'],
  ref: string,
  happen: () => Promise<void>,
): ActivityDeps['mail'] {
  const changesOf = (session: MailSession): MailSession['changes'] =>
    async function* (request) {
      if (request.collection.ref === ref) await happen();
      yield* session.changes(request);
    };
  return {
    ...mail,
    connect: async (account, signal) => {
      const session = await mail.connect(account, signal);
      return { ...session, changes: changesOf(session) };
    },
  };
}
