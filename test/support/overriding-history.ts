import type { ActivityDeps } from '../../activities/deps.ts';
import type { MailSession } from '../../domain/provider.ts';

/**
 * The mailbox's own adapter; once the first page of a folder's history has been read, something
 * else happens before it is handed out, as changes happen while a page is on its way to the store.
 */
export function whileHistoryIsOnItsWay(
  mail: ActivityDeps['mail'],
  ref: string,
  happen: () => Promise<void>,
): ActivityDeps['mail'] {
  let happened = false;
  const historyOf = (session: MailSession): MailSession['history'] =>
    async function* (request) {
      for await (const page of session.history(request)) {
        if (request.collection.ref === ref && !happened) {
          happened = true;
          await happen();
        }
        yield page;
      }
    };
  return {
    ...mail,
    connect: async (account, signal) => {
      const session = await mail.connect(account, signal);
      return { ...session, history: historyOf(session) };
    },
  };
}
