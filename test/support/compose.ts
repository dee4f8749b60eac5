import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A service as `docker compose config` would show it: anchors merged, variables filled in. */
export interface ComposeService {
  image?: string;
  command?: string[];
  restart?: string;
  environment: Record<string, string>;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  ports?: string[];
  stop_grace_period?: string;
}

export interface Compose {
  services: Record<string, ComposeService>;
  configs: Record<string, { content: string }>;
}

/** What an operator has in the environment; the mailbox of this test stands on the machine itself. */
export const operatorsVariables = {
  STEWARD_ROOT_KEY: randomBytes(32).toString('base64'),
  POSTGRES_PASSWORD: 'Superuser1',
  APP_PASSWORD: 'Application2',
  TEMPORAL_DB_PASSWORD: 'Temporal3',
  STEWARD_ALLOWED_NETWORKS: '127.0.0.0/8',
  STEWARD_ALLOW_CLEARTEXT: 'true',
};

const composeFile = new URL('../../docker-compose.yml', import.meta.url);

/** Reads the project's compose file. @throws when it asks for a variable that is not given. */
export function readCompose(variables: Readonly<Record<string, string>>): Compose {
  const document = parse(readFileSync(composeFile, 'utf8'), { merge: true }) as unknown;
  const { services, configs } = fillIn(document, variables) as Compose;
  const entries = Object.entries(services).map(
    ([name, service]) => [name, { ...service, environment: textsOf(service.environment) }] as const,
  );
  return { services: Object.fromEntries(entries), configs };
}

function fillIn(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return interpolate(value, variables);
  if (Array.isArray(value)) return value.map((inner) => fillIn(inner, variables));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, fillIn(inner, variables)]);
  return Object.fromEntries(entries) as unknown;
}

/** `$$`, `${NAME}`, `${NAME:-default}` and `${NAME:?}` of the compose specification. */
function interpolate(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(
    /\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (match, name?: string, kind?: string, more?: string) => {
      if (name === undefined) return match.slice(1);
      const value = variables[name] || (kind === '-' ? more : undefined);
      if (value === undefined) throw new Error(`The compose file asks for ${name}.`);
      return value;
    },
  );
}

function textsOf(environment: Record<string, unknown> | undefined): Record<string, string> {
  const entries = Object.entries(environment ?? {}).map(([name, value]) => [name, String(value)]);
  return Object.fromEntries(entries) as Record<string, string>;
}
