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
  return overridingChanges(mail, ref, async function* (pages) {
    await happen();
    yield* pages;
  });
}

/** Something else happens once all pages of the look at one folder are stored. */
export function afterLookingAt(
  mail: ActivityDeps['mail'],
  ref: string,
  happen: () => Promise<void>,
): ActivityDeps['mail'] {
  return overridingChanges(mail, ref, async function* (pages) {
    yield* pages;
    await happen();
  });
}

type Pages = ReturnType<MailSession['changes']>;

function overridingChanges(
  mail: ActivityDeps['mail'],
  ref: string,
  override: (pages: Pages) => Pages,
): ActivityDeps['mail'] {
  const changesOf =
    (session: MailSession): MailSession['changes'] =>
    (request) => {
      const pages = session.changes(request);
      return request.collection.ref === ref ? override(pages) : pages;
    };
  return {
    ...mail,
    connect: async (account, signal) => {
      const session = await mail.connect(account, signal);
      return { ...session, changes: changesOf(session) };
    },
  };
}
