import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi, type CallOptions, type TestApi } from '../support/api.ts';
import { apiOperations } from '../support/api-operations.ts';
import { createMailWorld, type MailWorld } from '../support/mail-world.ts';
import { waitFor } from '../support/wait-for.ts';

let api: TestApi;
let world: MailWorld;
/** Ends the login of `POST /v1/connections`. */
let verify = (): Promise<void> => Promise.resolve();

beforeAll(async () => {
  api = await createTestApi({
    imap: { verify: () => verify() },
    workflows: { ensure: () => Promise.resolve(), check: () => Promise.resolve() },
  });
  world = await createMailWorld(api);
});
afterAll(() => api[Symbol.asyncDispose]());

interface Creating {
  table: string;
  request(): CallOptions;
}

const asTenant = (body: object) => ({ key: world.ours.key, member: world.owner, body });
const asCrm = (body: object) => ({ key: world.ours.key, body });
const asOperator = (body: object) => ({ key: api.operatorKey, body });

const account = (name: string) => ({
  ...{ provider: 'imap', memberId: world.owner, capabilities: ['mail'] },
  imap: {
    ...{ host: 'imap.example.org', port: 993, security: 'tls' },
    ...{ username: `${name}@corp.example`, password: 'x' },
  },
});

/** Everything that creates, with a request that it takes and where the row is. */
const creating: Record<string, Creating> = {
  '/v1/api-keys': { table: 'directory.api_keys', request: () => asCrm({}) },
  '/v1/member-tokens': {
    table: 'directory.member_tokens',
    request: () => asCrm({ memberId: world.owner }),
  },
  '/v1/members': {
    table: 'members',
    request: () => asCrm({ name: 'Once', email: 'once@corp.example' }),
  },
  '/v1/connections': { table: 'connections', request: () => asTenant(account('once')) },
  '/v1/folders': {
    table: 'intents',
    request: () => asTenant({ connectionId: world.connection, path: ['Once'] }),
  },
  '/v1/admin/tenants': { table: 'directory.tenants', request: () => asOperator({ name: 'Once' }) },
  '/v1/admin/operators': {
    table: 'admin.operators',
    request: () => asOperator({ name: 'Once' }),
  },
};
const paths = Object.keys(creating);

const post = async (path: string, idempotencyKey: string) =>
  await api.call('POST', path, {
    ...creating[path]!.request(),
    headers: { 'Idempotency-Key': `${idempotencyKey}${path}` },
  });

const owner = () => api.database.owner.sql;

const rows = async (path: string) => {
  const [row] = await owner()<{ count: number }[]>`
    select count(*)::int as count from ${owner()(creating[path]!.table)}`;
  return row!.count;
};

/** Lets every matching write to a record fail while the work runs. */
async function whileRefused<T>(when: string, work: () => Promise<T>): Promise<T> {
  await owner().unsafe(`
    create function refuse() returns trigger language plpgsql as
      'begin raise exception ''no space left''; end';
    create trigger refuse before ${when} execute function refuse()`);
  try {
    return await work();
  } finally {
    await owner().unsafe('drop function refuse cascade');
  }
}

const answerRefused = 'update on idempotency_keys for each row when (new.response is not null)';
const lost = { status: 409, body: { code: 'idempotency-answer-lost' } };

describe('a request with an Idempotency-Key', () => {
  it('is tried here for every route that keeps its answer', () => {
    const kept = apiOperations().filter((operation) => operation.kept);
    expect(kept.map(({ pattern }) => pattern).toSorted()).toEqual(paths.toSorted());
  });

  it.each(paths)('is carried out once when its answer can not be kept: %s', async (path) => {
    const before = await rows(path);
    const first = await whileRefused(answerRefused, () => post(path, 'unkept'));
    expect(first.status).toBeLessThan(300);
    expect(await post(path, 'unkept')).toMatchObject(lost);
    expect(await post(path, 'unkept')).toMatchObject(lost);
    expect(await rows(path)).toBe(before + 1);
    await undo();
  });

  it.each(paths)('is carried out once when its process dies after that: %s', async (path) => {
    const before = await rows(path);
    expect((await post(path, 'killed')).status).toBeLessThan(300);
    // As a process leaves it that ends between the commit and the answer.
    await owner()`update idempotency_keys set status = null, response = null`;
    expect(await post(path, 'killed')).toMatchObject({
      status: 409,
      body: { code: 'idempotency-in-flight' },
    });
    await owner()`update idempotency_keys set created_at = created_at - interval '3 minutes'`;
    expect(await post(path, 'killed')).toMatchObject(lost);
    expect(await rows(path)).toBe(before + 1);
    await undo();
  });

  it.each(paths)('runs again when it was not carried out: %s', async (path) => {
    const before = await rows(path);
    const { table } = creating[path]!;
    const failed = await whileRefused(`insert on ${table} for each row`, () =>
      post(path, 'failed'),
    );
    expect(failed.status).toBe(500);
    expect(await rows(path)).toBe(before);
    expect((await post(path, 'failed')).status).toBeLessThan(300);
    expect(await rows(path)).toBe(before + 1);
    await undo();
  });

  it('writes nothing once another process has taken it over', async () => {
    const path = '/v1/connections';
    const before = await rows(path);
    const login = Promise.withResolvers<void>();
    let logins = 0;
    verify = () => ((logins += 1) === 1 ? login.promise : Promise.resolve());
    const slow = post(path, 'slow');
    await waitFor(() => logins === 1, { what: 'the login' });
    await owner()`update idempotency_keys set created_at = created_at - interval '3 minutes'`;
    expect((await post(path, 'slow')).status).toBe(201);
    login.resolve();
    expect(await slow).toMatchObject({ status: 409, body: { code: 'idempotency-in-flight' } });
    expect((await post(path, 'slow')).headers.get('Idempotent-Replayed')).toBe('true');
    expect(await rows(path)).toBe(before + 1);
  });
});

/** What there can be once only is gone again for the next case. */
async function undo(): Promise<void> {
  await owner()`update members set left_at = now(), email_index = gen_random_uuid()
    where id <> ${await idOfOwner()}`;
  await owner()`update connections set account_index = gen_random_uuid()`;
}

async function idOfOwner(): Promise<string> {
  const [row] = await owner()<{ id: string }[]>`
    select member_id as id from connections where id = ${world.connectionUuid}`;
  return row!.id;
}
