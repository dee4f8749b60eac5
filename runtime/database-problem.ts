import { Problem } from './problem.ts';

/** The system's and the driver's codes for a server that does not answer. */
const noAnswer = new RegExp(
  '^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|' +
    'CONNECT_TIMEOUT|CONNECTION_CLOSED)$',
);

/** What to do about a code; five digits and letters are an SQLSTATE. */
const remedies: readonly (readonly [codes: RegExp, remedy: (variable: string) => string])[] = [
  [noAnswer, (variable) => `Start Postgres, or correct host and port in ${variable}.`],
  [
    /^(28P01|28000|SASL_SIGNATURE_MISMATCH)$/,
    (variable) => `Correct user and password in ${variable}, or give the role that password.`,
  ],
  [
    /^3D000$/,
    (variable) => `Create the database and run \`npm run migrate\`, or correct ${variable}.`,
  ],
  [
    /^(42P01|42703|42704|42883|3F000|42501)$/,
    (variable) =>
      `Run \`npm run migrate\` on this database; for rights that are missing, see that ${variable} ` +
      'names the role that OPERATIONS.md has under "Roles".',
  ],
  [/^53300$/, () => 'Raise max_connections of Postgres, or run fewer processes.'],
  [/^57P0[1-3]$/, () => 'Postgres starts or stops: wait for it, then start again.'],
];

/**
 * Does what needs a database. What the person at the keyboard can mend comes out as a `Problem` with
 * the words of the server or the driver, which hold no password and none of our SQL.
 * @param variable names the variable that holds the database's URL
 */
export async function explainDatabase<T>(variable: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw databaseProblem(variable, error) ?? error;
  }
}

function databaseProblem(variable: string, error: unknown): Problem | undefined {
  const cause = codedCause(error);
  const [, remedy] = remedies.find(([codes]) => codes.test(cause?.code ?? '')) ?? [];
  if (!cause || !remedy) return undefined;
  const said = (cause.errors?.[0] ?? cause).message;
  return new Problem(
    `The database of ${variable} cannot be used: ${said} (${cause.code}).`,
    remedy(variable),
    { cause: error },
  );
}

/** A host of several addresses fails with one error for each. */
type Coded = Error & { code: string; errors?: readonly Error[] };

/** The query builder wraps what the driver threw; the first error with a code is the driver's. */
function codedCause(error: unknown): Coded | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as Partial<Coded>;
  return typeof code === 'string' ? (error as Coded) : codedCause(error.cause);
}

/**
 * Proves that a process may serve with the role that DATABASE_URL names.
 * @throws Problem that says why not
 */
export async function assertServingRole(assertRole: () => Promise<void>): Promise<void> {
  try {
    await explainDatabase('DATABASE_URL', assertRole);
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Problem(
      `This process does not serve with this DATABASE_URL: ${why}`,
      'Point DATABASE_URL at a migrated database that answers, as the role steward_app.',
      { cause },
    );
  }
}
