import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startPostgres } from '../../runtime/embedded/postgres.ts';
import { operatorsVariables, readCompose, type ComposeService } from '../support/compose.ts';
import { startDovecot, type Dovecot } from '../support/dovecot.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { waitFor } from '../support/wait-for.ts';

const project = path.resolve(import.meta.dirname, '../..');
const messages = 150;

const { services, configs } = readCompose(operatorsVariables);

describe('the compose file’s processes, started natively', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let dovecot: Dovecot;
  let folder: string;
  let metricsPort: number;
  const running: Running[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'steward-compose-'));
    chmodSync(folder, 0o755);
    const password = environmentOf('postgres')['POSTGRES_PASSWORD'] ?? '';
    const dataDir = path.join(folder, 'postgres');
    const settings = { fsync: 'off' };
    const options = { dataDir, port: 0, password, stateDir: folder, settings, disposable: true };
    [server, dovecot, metricsPort] = await Promise.all([
      startPostgres(options),
      startDovecot(),
      freePort(),
    ]);
    generateMaildir({ maildir: dovecot.maildir, messages, folders: 4, seed: 4, mix: 'usual' });
    await initialise(server.url());
    await createNamespace(environmentOf('temporal')['DEFAULT_NAMESPACE'] ?? '');
  }, 120_000);
  afterAll(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await dovecot?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The service's own command and environment; host names and ports are this machine's. */
  const start = (name: string, changes: Record<string, string> = {}, command = commandOf(name)) => {
    const [program, ...args] = command;
    if (program !== 'node') throw new Error(`${name} does not run node`);
    const env = { ...environmentOf(name), ...changes };
    const there = { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', STEWARD_PORT: '0' };
    const here = { ...there, ...Object.fromEntries(Object.entries(env).map(localise)) };
    const started = run(spawn(process.execPath, args, { cwd: project, env: here, stdio: 'pipe' }));
    running.push(started);
    return started;
  };

  const localise = ([name, value]: [string, string]): [string, string] => {
    const { host } = new URL(server.url());
    if (name === 'STEWARD_HOST') return [name, '127.0.0.1'];
    if (name === 'STEWARD_METRICS_PORT') return [name, String(metricsPort)];
    if (name === 'TEMPORAL_ADDRESS') return [name, inject('temporalAddress')];
    return [name, value.replace('@postgres:5432/', `@${host}/`)];
  };

  const check = async (name: string, from: string, to: number) => {
    const [kind, program, ...args] = services[name]?.healthcheck?.test ?? [];
    expect([kind, program]).toEqual(['CMD', 'node']);
    expect(args.join(' ')).toContain(`127.0.0.1:${from}`);
    const here = args.map((word) => word.replace(`:${from}`, `:${to}`));
    return await start(name, {}, ['node', ...here]).ended;
  };

  it('migrate, serve, import a mailbox connected over HTTP, and stop in time', async () => {
    const migrated = start('migrate');
    expect([await migrated.ended, migrated.output()]).toEqual([
      0,
      expect.stringMatching(/^Applied/),
    ]);
    const again = start('migrate');
    expect([await again.ended, again.output()]).toEqual([0, 'Nothing to migrate.\n']);

    const [api, worker] = [start('api'), start('worker')];
    const port = Number(
      await waitFor(() => /"port":(\d+)/.exec(api.output())?.[1], long('the API')),
    );
    const url = `http://127.0.0.1:${port}`;
    await waitFor(async () => (await fetch(`${url}/health/ready`)).ok, long('readiness'));
    expect(await check('api', '8080', port)).toBe(0);
    await waitFor(
      async () => (await check('worker', '9090', metricsPort)) === 0,
      long('the worker'),
    );

    const created = start('api', {}, [
      'node',
      'worker/commands/create-operator.ts',
      '--name',
      'Op',
    ]);
    expect(await created.ended).toBe(0);
    const operatorKey = /^op_.*$/m.exec(created.output())?.[0] ?? '';
    const post = async (route: string, key: string, body: object) => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const options = { method: 'POST', headers, body: JSON.stringify(body) };
      return (await (await fetch(`${url}${route}`, options)).json()) as Record<string, string>;
    };
    const tenant = await post('/v1/admin/tenants', operatorKey, { name: 'Composed' });
    const { key } = tenant['apiKey'] as unknown as { key: string };
    const member = await post('/v1/members', key, { name: 'Jane', email: 'jane@x.example' });
    const imap = {
      ...{ host: dovecot.host, port: dovecot.port, security: 'none' },
      ...{ username: dovecot.user, password: dovecot.password },
    };
    const connected = await post('/v1/connections', key, {
      ...{ provider: 'imap', memberId: member['id'], capabilities: ['mail'], imap },
    });
    const mail = async () => {
      const options = { headers: { authorization: `Bearer ${key}` } };
      const answer = await fetch(`${url}/v1/connections/${connected['id']}`, options);
      return (await answer.json()) as { state: string; capabilities: { mail: { stored: number } } };
    };
    await waitFor(async () => (await mail()).state === 'live', long('the import'));
    expect((await mail()).capabilities.mail.stored).toBe(messages);

    const graceMs = Number.parseInt(services['worker']?.stop_grace_period ?? '10', 10) * 1_000;
    const stopping = performance.now();
    for (const { child } of [api, worker]) child.kill('SIGTERM');
    expect([await api.ended, await worker.ended]).toEqual([0, 0]);
    expect(performance.now() - stopping).toBeLessThan(graceMs);
  }, 180_000);

  it.each(['DATABASE_URL', 'KEYS_DATABASE_URL', 'STEWARD_ROOT_KEY'])(
    'refuse to start when %s is missing, and say so',
    async (name) => {
      for (const service of ['api', 'worker']) {
        const started = start(service, { [name]: '' });
        expect(await started.ended).toBe(1);
        expect(started.output()).toContain(`${name} is not set`);
      }
    },
  );

  it('refuse a root key that did not make the tenants', async () => {
    const STEWARD_ROOT_KEY = randomBytes(32).toString('base64');
    for (const service of ['api', 'worker']) {
      const started = start(service, { STEWARD_ROOT_KEY });
      expect(await started.ended).toBe(1);
      expect(started.output()).toContain('wrapped by root key');
      expect(started.output()).toContain('Remedy: Give it the root key that made them.');
    }
  });
});

interface Running {
  child: ChildProcess;
  output(): string;
  ended: Promise<number | null>;
}

function run(child: ChildProcess): Running {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output: () => output, ended };
}

const long = (what: string) => ({ what, timeoutMs: 60_000, intervalMs: 200 });

function environmentOf(service: string): ComposeService['environment'] {
  return services[service]?.environment ?? {};
}

function commandOf(service: string): string[] {
  return services[service]?.command ?? [];
}

/** What the image of Postgres does on an empty folder: its database, then the file's script. */
async function initialise(serverUrl: string): Promise<void> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => undefined });
  const script = /<<'SQL'\n([\s\S]*?)\n\s*SQL/.exec(configs['roles']?.content ?? '')?.[1];
  if (!script) throw new Error('The compose file has no script for the roles.');
  const filled = script.replaceAll(":'password'", `'${environmentOf('postgres')['APP_PASSWORD']}'`);
  await sql.unsafe(`create database ${environmentOf('postgres')['POSTGRES_DB']}`);
  for (const statement of filled.split(';')) {
    if (statement.trim() !== '') await sql.unsafe(statement);
  }
  await sql.end();
}

/** What the image of Temporal does; search attributes are the worker's to register. */
async function createNamespace(namespace: string): Promise<void> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('3 days'),
  });
  await connection.close();
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
