/** One change as the journal keeps it: which messages of which folder, and where they went. */
export interface Change {
  kind: string;
  folder: string;
  /** Empty where the change concerns the folder as a whole. */
  uids: readonly number[];
  target?: string | undefined;
}

/** So many changes explain a difference; older ones were found equal at a checkpoint. */
const shownMax = 8;

/** What was done to the mailbox, in order, so that a difference can be told with its story. */
export interface Journal {
  readonly length: number;
  note(change: Change): void;
  /** The last changes that concern a message, or the folder as a whole. */
  about(folder: string, uid: number | undefined): string[];
}

export function createJournal(): Journal {
  const changes: Change[] = [];
  return {
    get length() {
      return changes.length;
    },
    note: (change) => void changes.push(change),
    about: (folder, uid) =>
      changes
        .flatMap((change, number) => (concerns(change, folder, uid) ? [tell(change, number)] : []))
        .slice(-shownMax),
  };
}

/** Where messages arrive their UIDs are new, so what a change brought is told for every UID. */
function concerns(change: Change, folder: string, uid: number | undefined): boolean {
  if (change.target === folder) return true;
  if (change.folder !== folder) return false;
  return uid === undefined || change.uids.length === 0 || change.uids.includes(uid);
}

function tell({ kind, folder, uids, target }: Change, number: number): string {
  const which = uids.length > 0 ? ` ${uids.join(',')}` : '';
  return `#${number} ${kind} ${folder}${which}${target === undefined ? '' : ` → ${target}`}`;
}
