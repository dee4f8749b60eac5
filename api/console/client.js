/** An answer of the API that is not a success, in its own words (RFC 9457). */
export class ApiProblem extends Error {
  constructor(status, problem, retryAfterSeconds) {
    super(problem.detail ?? problem.title ?? `The API answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? `http-${status}`;
    this.title = problem.title;
    /** `[{field, message}]`, where the request has fields that are wrong. */
    this.errors = problem.errors ?? [];
    this.requestId = problem.requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Nothing answered: the API is down, restarts, or the network is gone. */
export class Unreachable extends Error {}

/** An API that is stuck rather than gone; connecting waits for a mail server, hence not less. */
const answerTimeoutMs = 60_000;

/** Calls the public API with the session's key in the header, never in a URL. */
export function createClient(session) {
  async function open(method, path, { body, idempotencyKey, accept, signal } = {}) {
    const headers = { Accept: accept ?? 'application/json' };
    if (session) headers.Authorization = `Bearer ${session.key}`;
    if (session?.member) headers['Steward-Member'] = session.member;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (idempotencyKey) headers['Idempotency-Key'] = idempotencyKey;
    const init = { method, headers, signal: signal ?? AbortSignal.timeout(answerTimeoutMs) };
    if (body !== undefined) init.body = JSON.stringify(body);
    const response = await fetch(path, init).catch((cause) => {
      throw new Unreachable('Steward does not answer.', { cause });
    });
    if (!response.ok) throw await toProblem(response);
    return response;
  }

  async function call(method, path, options) {
    const response = await open(method, path, options);
    if (response.status === 204) return undefined;
    return response.json().catch((cause) => {
      throw new Unreachable('The answer broke off.', { cause });
    });
  }

  return {
    open,
    get: (path, options) => call('GET', path, options),
    post: (path, options) => call('POST', path, options),
    patch: (path, options) => call('PATCH', path, options),
    delete: (path, options) => call('DELETE', path, options),
  };
}

/** Whether trying again later may help; anything else is an answer. */
export function isOutage(error) {
  if (error instanceof Unreachable) return true;
  return error instanceof ApiProblem && (error.status >= 500 || error.status === 429);
}

/** 128 random bits. `randomUUID` needs a secure context, which a console on a plain host lacks. */
export function newIdempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function toProblem(response) {
  const text = await response.text().catch(() => '');
  const retryAfter = Number(response.headers.get('Retry-After'));
  return new ApiProblem(
    response.status,
    parseProblem(text),
    retryAfter > 0 ? retryAfter : undefined,
  );
}

function parseProblem(text) {
  try {
    return JSON.parse(text);
  } catch {
    // A proxy's own page, say; the status has to do.
    return {};
  }
}
