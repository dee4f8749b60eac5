import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import ipaddr from 'ipaddr.js';
import { Problem } from './problem.ts';

const rootKeyBytes = 32;
const portMax = 65_535;
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
/** Both families, because every address of a name has to pass and `localhost` has two. */
const loopbackNetworks = ['127.0.0.0/8', '::1/128'];

export type LogLevel = (typeof logLevels)[number];
type Variables = Readonly<Record<string, string | undefined>>;
export type Env = ReturnType<typeof readEnv>;

/**
 * The one place that reads the environment. What has a default is checked at once; what a
 * process cannot do without is a getter that throws when the process asks for it and it is not
 * there, so that each process needs only what it uses.
 * @throws Problem naming the variable, what is wrong with it, and the remedy.
 */
export function readEnv(variables: Variables = process.env) {
  const sandbox = flag(variables, 'STEWARD_SANDBOX', false);
  return {
    /** The application role's URL. */
    get databaseUrl() {
      return postgresUrl(variables, 'DATABASE_URL');
    },
    /** The owner's URL: for migrations only. */
    get databaseOwnerUrl() {
      return postgresUrl(variables, 'DATABASE_OWNER_URL');
    },
    /** Where the wrapped keys live, a database of their own. */
    get keysDatabaseUrl() {
      return postgresUrl(variables, 'KEYS_DATABASE_URL');
    },
    /**
     * The keys that wrap the tenants' keys, 32 bytes each: the first wraps, all of them open. The
     * file is read again each time, so that a rotation needs no restart.
     */
    get rootKeys() {
      return readRootKeys(variables);
    },
    /** Where the embedded services keep their data. */
    home: path.resolve(variables['STEWARD_HOME'] || '.steward'),
    /** The address that the HTTP servers bind; loopback unless the operator says otherwise. */
    host: variables['STEWARD_HOST'] || '127.0.0.1',
    port: port(variables, 'STEWARD_PORT', 8080),
    postgresPort: port(variables, 'STEWARD_POSTGRES_PORT', 5499),
    temporalPort: port(variables, 'STEWARD_TEMPORAL_PORT', 7233),
    temporalUiPort: port(variables, 'STEWARD_TEMPORAL_UI_PORT', 8233),
    /** The sandbox's sample mailbox; by default the port that the instance chose once. */
    samplePort: optionalPort(variables, 'STEWARD_SAMPLE_PORT'),
    /** The worker serves its metrics there; nothing is served without it. */
    metricsPort: optionalPort(variables, 'STEWARD_METRICS_PORT'),
    sandbox,
    /** Networks, besides the public ones, that IMAP may reach. */
    allowedNetworks: networks(variables, sandbox),
    /** Whether IMAP without encryption may be configured. */
    allowCleartext: flag(variables, 'STEWARD_ALLOW_CLEARTEXT', sandbox),
    logLevel: oneOf(variables, 'STEWARD_LOG_LEVEL', logLevels, 'info'),
    /** The lanes this worker serves; all of them when not set. */
    workerQueues: list(variables, 'WORKER_QUEUES'),
    temporal: temporalConfig(variables),
    /** The sandbox's own mailbox, which the console offers to connect. */
    sampleMailbox: sampleMailbox(variables, sandbox),
    /** Where people look at workflows; links point there. */
    temporalUiUrl: httpUrl(variables, 'STEWARD_TEMPORAL_UI_URL'),
  };
}

/**
 * The environment of a child process: ours, with changes; `undefined` removes a variable.
 */
export function childEnv(changes: Variables): Record<string, string | undefined> {
  return { ...process.env, ...changes };
}

function required(variables: Variables, name: string, remedy: string): string {
  const value = variables[name];
  if (!value) throw new Problem(`${name} is not set.`, remedy);
  return value;
}

function postgresUrl(variables: Variables, name: string): string {
  const shape = `Set ${name}=postgres://user:password@host:5432/database.`;
  const value = required(
    variables,
    name,
    `${shape} Or run \`npm start\`, which brings a Postgres.`,
  );
  // The value is never quoted: it holds a password.
  if (!URL.canParse(value)) throw new Problem(`${name} is not a URL.`, shape);
  const { protocol, pathname } = new URL(value);
  if (!/^postgres(ql)?:$/.test(protocol) || pathname.length < 2) {
    throw new Problem(`${name} is not a Postgres URL that names a database.`, shape);
  }
  return value;
}

function readRootKeys(variables: Variables): Buffer[] {
  const file = variables['STEWARD_ROOT_KEY_FILE'];
  const name = file ? 'STEWARD_ROOT_KEY_FILE' : 'STEWARD_ROOT_KEY';
  const what = file ? 'a readable file that holds 32 random bytes' : '32 random bytes';
  const remedy =
    `Set ${name} to ${what} in base64 or hex, as from: openssl rand -base64 32. Data that is there ` +
    'already opens with the key that made it and no other: then restore that one.';
  const text = file ? readKeyFile(file, remedy) : required(variables, name, remedy);
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0) throw new Problem(`${name} holds no key.`, remedy);
  return words.map((word) => {
    const key = Buffer.from(word, /^[0-9a-f]{64}$/i.test(word) ? 'hex' : 'base64');
    if (key.length === rootKeyBytes) return key;
    throw new Problem(`${name} holds ${key.length} bytes instead of ${rootKeyBytes}.`, remedy);
  });
}

function readKeyFile(file: string, remedy: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new Problem(`STEWARD_ROOT_KEY_FILE cannot be read (${code}).`, remedy, { cause });
  }
}

function optionalPort(variables: Variables, name: string): number | undefined {
  const value = variables[name];
  if (!value) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0 || number > portMax) {
    throw new Problem(`${name} is "${value}".`, `Set ${name} to a port from 0 to ${portMax}.`);
  }
  return number;
}

function port(variables: Variables, name: string, byDefault: number): number {
  return optionalPort(variables, name) ?? byDefault;
}

function flag(variables: Variables, name: string, byDefault: boolean): boolean {
  const value = variables[name];
  if (!value) return byDefault;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new Problem(`${name} is "${value}".`, `Set ${name} to true or false.`);
}

function oneOf<T extends string>(
  variables: Variables,
  name: string,
  allowed: readonly T[],
  byDefault: T,
): T {
  const value = variables[name] || byDefault;
  const found = allowed.find((candidate) => candidate === value);
  if (found) return found;
  throw new Problem(`${name} is "${value}".`, `Set ${name} to one of ${allowed.join(', ')}.`);
}

function list(variables: Variables, name: string): string[] | undefined {
  const items = (variables[name] ?? '').split(',').map((item) => item.trim());
  const filled = items.filter((item) => item !== '');
  return filled.length === 0 ? undefined : filled;
}

function networks(variables: Variables, sandbox: boolean): string[] {
  const named = list(variables, 'STEWARD_ALLOWED_NETWORKS') ?? [];
  for (const network of named) {
    if (!ipaddr.isValidCIDR(network)) {
      throw new Problem(
        `STEWARD_ALLOWED_NETWORKS holds "${network}", which is no network.`,
        'Write networks as address/bits, separated by commas, for example 10.0.0.0/8,fd00::/8.',
      );
    }
  }
  return sandbox ? [...new Set([...named, ...loopbackNetworks])] : named;
}

function httpUrl(variables: Variables, name: string): string | undefined {
  const value = variables[name];
  if (!value) return undefined;
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) {
    return value.replace(/\/$/, '');
  }
  throw new Problem(
    `${name} is not an http or https URL.`,
    `Set ${name}=https://host or unset it.`,
  );
}

/** `imap://user:password@host:port`; only the sandbox has one. */
function sampleMailbox(variables: Variables, sandbox: boolean) {
  const value = variables['STEWARD_SAMPLE_MAILBOX'];
  if (!value || !sandbox) return undefined;
  if (!URL.canParse(value)) {
    throw new Problem(
      'STEWARD_SAMPLE_MAILBOX is not a URL.',
      'Set it to imap://user:password@host:port, or unset it.',
    );
  }
  const url = new URL(value);
  return {
    host: url.hostname,
    port: Number(url.port),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
}

function temporalConfig(variables: Variables): ClientConnectConfig {
  const overrideEnvVars = Object.fromEntries(
    // An empty variable is one that is not set.
    Object.entries(variables).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
  try {
    return loadClientConnectConfig({ overrideEnvVars });
  } catch (cause) {
    throw new Problem(
      'The TEMPORAL_ variables, or the file they name, cannot be understood.',
      'Set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, and for TLS TEMPORAL_API_KEY, or ' +
        'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH.',
      { cause },
    );
  }
}
