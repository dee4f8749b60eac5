/** Something the person at the keyboard can mend: what is wrong, and what to do about it. */
export class Problem extends Error {
  readonly remedy: string;

  constructor(what: string, remedy: string, options?: ErrorOptions) {
    super(what, options);
    this.name = 'Problem';
    this.remedy = remedy;
  }
}

const remedyLine = '\n  Remedy: ';

/** The two lines that a terminal shows for an error. Anything but a `Problem` keeps its stack. */
export function describeProblem(error: unknown): string {
  if (error instanceof Problem) return `${error.message}${remedyLine}${error.remedy}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** What another process described, if it described a `Problem`. */
export function parseProblem(text: string): Problem | undefined {
  const [what, remedy] = text.trim().split(remedyLine);
  return what && remedy ? new Problem(what, remedy) : undefined;
}
