/** A command that breaks the grammar or comes at the wrong time: tagged BAD (RFC 3501 §7.1.3). */
export class BadCommand extends Error {
  override readonly name = 'BadCommand';
}

/** A command that is right but cannot be done: tagged NO, with a response code where one fits. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}
