/** Something the person at the keyboard can mend: what is wrong, and what to do about it. */
export class Problem extends Error {
  readonly remedy: string;

  constructor(what: string, remedy: string, options?: ErrorOptions) {
    super(what, options);
    this.name = 'Problem';
    this.remedy = remedy;
  }
}

/** The two lines that a terminal shows for an error. Anything but a `Problem` keeps its stack. */
export function describeProblem(error: unknown): string {
  if (error instanceof Problem) return `${error.message}\n  Remedy: ${error.remedy}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
