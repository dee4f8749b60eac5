import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readEnv } from '../../runtime/env.ts';
import { workerMemory } from '../../runtime/worker-memory.ts';
import { operatorsVariables, readCompose } from '../support/compose.ts';

const project = path.resolve(import.meta.dirname, '../..');
const { services } = readCompose(operatorsVariables);

describe('the compose file', () => {
  it('gives each process its own role, and only migrations the owner’s', () => {
    const urlOf = (service: string, name: string) => new URL(environmentOf(service)[name] ?? '');
    for (const name of ['api', 'worker']) {
      expect(urlOf(name, 'DATABASE_URL').username).toBe('steward_app');
      expect(urlOf(name, 'KEYS_DATABASE_URL').username).toBe('steward_keys');
      expect(JSON.stringify(environmentOf(name))).not.toContain(
        operatorsVariables.POSTGRES_PASSWORD,
      );
    }
    expect(urlOf('migrate', 'DATABASE_OWNER_URL').username).toBe('postgres');
    expect(environmentOf('migrate')).not.toHaveProperty('STEWARD_ROOT_KEY');
  });

  it('names only variables that are read, and commands that the image holds', () => {
    const read = new Set<string>();
    const variables = new Proxy<Record<string, string>>(
      {},
      { get: (_, name) => noteRead(read, name) },
    );
    const env = readEnv(variables);
    for (const field of [
      'databaseUrl',
      'databaseOwnerUrl',
      'keysDatabaseUrl',
      'rootKeys',
    ] as const) {
      expect(() => env[field]).toThrow('is not set');
    }
    const copied = readFileSync(path.join(project, 'Dockerfile'), 'utf8').match(
      /^COPY (\w+) \1$/gm,
    );
    for (const name of ['migrate', 'api', 'worker']) {
      const unknown = Object.keys(environmentOf(name)).filter(
        (variable) =>
          !read.has(variable) &&
          !variable.startsWith('TEMPORAL_') &&
          !Object.hasOwn(workerMemory.environment, variable),
      );
      expect(unknown).toEqual([]);
      const script = commandOf(name).find((word) => word.endsWith('.ts')) ?? '';
      expect(existsSync(path.join(project, script))).toBe(true);
      const folder = script.split('/')[0] ?? '';
      expect(copied).toContain(`COPY ${folder} ${folder}`);
    }
  });

  it('bounds the worker’s memory as `npm start` does', () => {
    expect(commandOf('worker')).toEqual(['node', ...workerMemory.nodeFlags, 'worker/main.ts']);
    expect(environmentOf('worker')).toMatchObject(workerMemory.environment);
  });

  it('restarts and checks what serves, pins what it pulls, and opens nothing to the world', () => {
    const serving = Object.entries(services).filter(([name]) => name !== 'migrate');
    for (const [name, { restart, ports = [] }] of serving) {
      expect([name, restart]).toEqual([name, 'unless-stopped']);
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
    const pulled = serving.flatMap(([, { image }]) => (image === 'steward' ? [] : [image]));
    expect(pulled.length).toBeGreaterThan(2);
    for (const image of pulled) expect(image).toMatch(/:\d+\.\d+/);
    const unchecked = serving.filter(([, { healthcheck }]) => !healthcheck).map(([name]) => name);
    expect(unchecked).toEqual(['temporal-ui']);
  });

  it('keeps Temporal on a Postgres of its own, with its UI, under the namespace of the processes', () => {
    const { environment } = services['temporal']!;
    expect(environment).toMatchObject({ DB: 'postgres12', POSTGRES_SEEDS: 'temporal-postgres' });
    expect(environment['POSTGRES_PWD']).toBe(
      environmentOf('temporal-postgres')['POSTGRES_PASSWORD'],
    );
    const namespaces = [
      environment['DEFAULT_NAMESPACE'],
      environmentOf('temporal-ui')['TEMPORAL_DEFAULT_NAMESPACE'],
      ...['api', 'worker'].map((name) => environmentOf(name)['TEMPORAL_NAMESPACE']),
    ];
    expect(new Set(namespaces)).toEqual(new Set(['steward']));
    for (const name of ['api', 'worker']) {
      expect(services[name]?.depends_on).toMatchObject({
        migrate: { condition: 'service_completed_successfully' },
        temporal: { condition: 'service_healthy' },
      });
    }
  });

  it.each(Object.keys(operatorsVariables).filter((name) => !name.startsWith('STEWARD_ALLOW')))(
    'does not start without %s',
    (name) => {
      expect(() => readCompose({ ...operatorsVariables, [name]: '' })).toThrow(name);
    },
  );
});

function environmentOf(service: string): Record<string, string> {
  return services[service]?.environment ?? {};
}

function commandOf(service: string): string[] {
  return services[service]?.command ?? [];
}

function noteRead(read: Set<string>, name: string | symbol): undefined {
  if (typeof name === 'string') read.add(name);
}
