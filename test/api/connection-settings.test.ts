import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountVerifier } from '../../api/deps.ts';
import type { ConnectionProfile } from '../../domain/connection.ts';
import { parsePublicId } from '../../domain/ids.ts';
import type { ImapAccount } from '../../domain/provider.ts';
import { openJson } from '../../domain/sealed-json.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createTestApi, type TestApi, type TestTenant } from '../support/api.ts';
import { startDovecot, type Dovecot } from '../support/dovecot.ts';

let api: TestApi;
let dovecot: Dovecot;
let tenant: TestTenant;
let member: string;
let id: string;
/** Every account that a login was tried with. */
const tried: ImapAccount[] = [];

beforeAll(async () => {
  dovecot = await startDovecot();
  const options = { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true };
  const real = createImapProvider(options, { failureLatencyMs: 50 });
  const imap: AccountVerifier = {
    verify: (account, signal) => {
      tried.push(account);
      return real.verify(account, signal);
    },
  };
  const connects = { burst: 1_000, perSecond: 1_000 };
  api = await createTestApi({ imap, limits: { connects } });
});
beforeEach(async () => {
  tenant = await api.tenant('Settings');
  member = await tenant.member('Jane');
  const created = await call('POST', '/v1/connections', {
    provider: 'imap',
    memberId: member,
    capabilities: ['mail'],
    backfillSince: '2020-01-01',
    imap: place({ username: dovecot.user, password: dovecot.password }),
  });
  id = String(created.body['id']);
  tried.length = 0;
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await dovecot.stop();
});

const place = (more: object) => ({
  host: '127.0.0.1',
  port: dovecot.port,
  security: 'none',
  ...more,
});

const call = async (method: string, path: string, body?: unknown) =>
  await api.call(method, path, { key: tenant.key, ...(body !== undefined && { body }) });

const change = async (body: unknown) => await call('PATCH', `/v1/connections/${id}`, body);

async function stored() {
  const uuid = parsePublicId('connection', id)!;
  const [row] = await api.database.owner.sql<
    { generation: number; wanted: string; credentials: Uint8Array; profile: Uint8Array }[]
  >`
    select d.generation, d.wanted, c.credentials, c.profile
    from directory.connections d join connections c on c.id = d.id where d.id = ${uuid}`;
  const open = <T>(column: string, value: Uint8Array) =>
    openJson<T>(tenant.vault, { table: 'connections', column, rowId: uuid }, value);
  return {
    generation: row!.generation,
    wanted: row!.wanted,
    account: open<ImapAccount>('credentials', row!.credentials),
    profile: open<ConnectionProfile>('profile', row!.profile),
  };
}

const uuidOf = () => parsePublicId('connection', id)!;

describe('renewing credentials', () => {
  it('proves them by a login and raises the generation; the old ones’ trouble shows no more', async () => {
    await api.database.owner.sql`
      update sync_status set state = 'needs-reauth', reason = 'imap-login-failed',
        login_strikes = 3, next_attempt_at = now() + interval '1 day'
      where connection_id = ${uuidOf()}`;
    const answer = await change({ imap: { password: dovecot.password } });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        id,
        state: 'connecting',
        capabilities: { mail: { state: 'connecting', reason: null, nextAttemptAt: null } },
      },
    });
    expect(tried).toHaveLength(1);
    expect(await stored()).toMatchObject({
      generation: 2,
      wanted: 'run',
      account: { username: dovecot.user, password: dovecot.password, port: dovecot.port },
    });
    // What the slices wrote stays theirs: the next one takes the change up.
    const [status] = await api.database.owner.sql`
      select state, login_strikes from sync_status where connection_id = ${uuidOf()}`;
    expect(status).toEqual({ state: 'needs-reauth', login_strikes: 3 });
  });

  it('changes nothing when the login is refused', async () => {
    const before = await stored();
    const answer = await change({ imap: { password: 'wrong' }, excludedFolders: [['Spam']] });
    expect(answer).toMatchObject({ status: 422, body: { code: 'imap-login-failed' } });
    expect(await stored()).toEqual(before);
  });

  it('leaves a paused connection paused', async () => {
    await call('POST', `/v1/connections/${id}/pause`);
    expect((await change({ imap: { password: dovecot.password } })).body['state']).toBe('paused');
    expect((await stored()).wanted).toBe('paused');
  });

  it('replaces a password by a token, not beside it', async () => {
    const answer = await change({ imap: { accessToken: 'ya29' } });
    expect(answer.status).toBe(422);
    expect(tried[0]).toMatchObject({ accessToken: 'ya29' });
    expect(tried[0]).not.toHaveProperty('password');
  });

  it('refuses another account’s, before any login', async () => {
    const answer = await change({ imap: { username: 'somebody-else', password: 'x' } });
    expect(answer).toMatchObject({ status: 409, body: { code: 'another-account' } });
    expect(tried).toEqual([]);
  });

  it.each([{ host: 'evil.example' }, { port: 143 }, { security: 'starttls' }])(
    'never sends a stored password elsewhere: %j',
    async (elsewhere) => {
      const answer = await change({ imap: elsewhere });
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid-request' } });
      expect(tried).toEqual([]);
    },
  );

  it('follows the account to another name of its server, and refuses the place of another connection', async () => {
    const moved = { imap: { host: 'LOCALHOST.', password: dovecot.password } };
    expect(await change(moved)).toMatchObject({ status: 200, body: { host: 'localhost' } });
    const again = await call('POST', '/v1/connections', {
      provider: 'imap',
      memberId: member,
      capabilities: ['mail'],
      imap: place({ username: dovecot.user, password: dovecot.password }),
    });
    expect(again.status).toBe(201);
    const back = { imap: { host: '127.0.0.1', password: dovecot.password } };
    expect(await change(back)).toMatchObject({
      status: 409,
      body: { code: 'duplicate-connection', connectionId: again.body['id'] },
    });
  });

  it('is refused once the connection has ended', async () => {
    await call('DELETE', `/v1/connections/${id}`);
    const answer = await change({ imap: { password: dovecot.password } });
    expect(answer).toMatchObject({ status: 409, body: { code: 'connection-disconnected' } });
    expect((await change({ excludedFolders: [] })).status).toBe(409);
  });

  it('counts as a connect: the caller names the host', async () => {
    const connects = { burst: 2, perSecond: 0.001 };
    await using strict = await createTestApi({ limits: { connects } });
    const other = await strict.tenant('Strict');
    const path = `/v1/connections/${id}`;
    const body = { imap: { password: 'x' } };
    const ask = async () => await strict.call('PATCH', path, { key: other.key, body });
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([
      404, 404, 429,
    ]);
  });
});

describe('changing what is synced', () => {
  it('keeps the credentials and what is not named', async () => {
    const before = await stored();
    expect(await change({ excludedFolders: [['Spam'], ['Old', '2019']] })).toMatchObject({
      status: 200,
      body: { backfillSince: '2020-01-01' },
    });
    const after = await stored();
    expect(after).toMatchObject({ generation: 2, account: before.account });
    expect(after.profile).toEqual({
      ...before.profile,
      excludedFolders: [['Spam'], ['Old', '2019']],
    });
    expect(tried).toEqual([]);
  });

  it.each([
    ['2019-06-01', true],
    [null, true],
    ['2021-01-01', false],
    ['2020-01-01', false],
  ])('reaches back to %s: history begins again: %s', async (backfillSince, again) => {
    await api.database.owner.sql`
      update sync_status set backfill_done_at = now() where connection_id = ${uuidOf()}`;
    expect(await change({ backfillSince })).toMatchObject({
      status: 200,
      body: { backfillSince, capabilities: { mail: { backfillDone: !again } } },
    });
  });

  it.each([{}, { password: 'x' }, { backfillSince: 'soon' }, { imap: {} }])(
    'refuses %j',
    async (body) => {
      expect((await change(body)).status).toBe(400);
    },
  );
});
