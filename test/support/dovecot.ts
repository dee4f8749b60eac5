import { execFile, execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ImapFlow } from 'imapflow';
import { waitFor } from './wait-for.ts';

const run = promisify(execFile);

/** `uidplus` is a plain server that can expunge single messages, but not move them. */
export type CapabilityLevel = 'qresync' | 'condstore' | 'uidplus' | 'plain';

export interface DovecotOptions {
  capabilities?: CapabilityLevel;
  password?: string;
  /**
   * Whether the server keeps an index of its folders. Dovecot 2.3 goes on listing a folder from it
   * now and then that another session has renamed: for tests in which two rename at once.
   */
  folderIndex?: boolean;
  /** Keeps every line that the server receives, for tests that prove what was asked. */
  rawLog?: boolean;
}

/** A private Dovecot on loopback; its whole state lies in a folder of its own. */
export interface Dovecot {
  host: string;
  port: number;
  tlsPort: number;
  user: string;
  password: string;
  /** Maildir++ with UTF-8 names, separator `.`. */
  maildir: string;
  /** What a server hands out as its certificate (self-signed, for `localhost`). */
  certificate: string;
  imap(): Promise<ImapFlow>;
  commands(): string;
  /** What no client may do, such as giving a folder another UIDVALIDITY. Returns what it printed. */
  doveadm(...args: string[]): Promise<string>;
  /** From now on only this password opens the account; sessions that are open stay so. */
  changePassword(password: string): void;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const levels: Record<CapabilityLevel, string> = {
  qresync: '',
  condstore:
    'IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE UIDPLUS ESEARCH MOVE CONDSTORE NAMESPACE UNSELECT ' +
    'LIST-EXTENDED LIST-STATUS SPECIAL-USE',
  uidplus: 'IMAP4rev1 IDLE NAMESPACE UIDPLUS',
  plain: 'IMAP4rev1 IDLE NAMESPACE',
};

/** @throws when Dovecot is missing, with the remedy. */
export async function startDovecot(options: DovecotOptions = {}): Promise<Dovecot> {
  const folder = mkdtempSync(path.join(tmpdir(), 'steward-dovecot-'));
  const [port, tlsPort] = [await freePort(), await freePort()];
  const maildir = path.join(folder, 'mail');
  const user = `jane@example.com`;
  const password = options.password ?? 'a pass "word" \\ with quotes';
  execFileSync('chmod', ['755', folder]);
  for (const name of ['mail', 'raw', 'home']) mkdirSync(path.join(folder, name));
  ownByMailUser(folder);
  makeCertificate(folder);
  let valid = '';
  const changePassword = (secret: string) => {
    valid = secret;
    writeFileSync(path.join(folder, 'users'), `${user}:{PLAIN}${secret}\n`);
  };
  changePassword(password);
  writeFileSync(path.join(folder, 'dovecot.conf'), configuration(folder, port, tlsPort, options));
  let child = await launch(folder, port);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const sessions = childrenOf(child.pid!);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
    sessions.forEach(endIfThere);
  };
  return {
    ...{ host: '127.0.0.1', port, tlsPort, user, password, maildir },
    certificate: path.join(folder, 'cert.pem'),
    imap: async () => {
      const client = new ImapFlow({
        ...{ host: '127.0.0.1', port, secure: false, doSTARTTLS: false, logger: false },
        auth: { user, pass: valid },
      });
      await client.connect();
      return client;
    },
    commands: () => readRawLog(path.join(folder, 'raw')),
    doveadm: async (...args) => {
      const configured = ['-c', path.join(folder, 'dovecot.conf'), ...args];
      return (await run('doveadm', configured)).stdout;
    },
    changePassword,
    restart: async () => {
      await stop();
      child = await launch(folder, port);
    },
    stop: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The account that reads the mail: nobody when root runs the tests, else whoever runs them. */
function mailUser(): { uid: number; gid: number } {
  const { uid, gid } = userInfo();
  return uid === 0 ? { uid: 65_534, gid: 65_534 } : { uid, gid };
}

/** Hands a folder and what is in it to the account that Dovecot reads mail with. */
export function ownByMailUser(folder: string): void {
  const { uid, gid } = mailUser();
  if (userInfo().uid !== 0) return;
  chownSync(folder, uid, gid);
  execFileSync('chown', ['-R', `${uid}:${gid}`, folder]);
}

/** `dovecot.conf` with this server's folder, ports, accounts and capabilities filled in. */
function configuration(
  folder: string,
  port: number,
  tlsPort: number,
  { capabilities = 'qresync', folderIndex = true, rawLog = false }: DovecotOptions,
): string {
  const { uid, gid } = mailUser();
  const { username, uid: ownUid } = userInfo();
  const extra = [
    ...(levels[capabilities] ? [`imap_capability = ${levels[capabilities]}`] : []),
    ...(folderIndex ? [] : ['mailbox_list_index = no']),
    ...(rawLog ? [`rawlog_dir = ${folder}/raw`] : []),
    // Without root every part of it runs as the account that runs the tests.
    ...(ownUid === 0
      ? []
      : [
          `default_internal_user = ${username}`,
          `default_login_user = ${username}`,
          `default_internal_group = ${gid}`,
        ]),
  ].join('\n');
  const values: Record<string, string | number> = { folder, port, tlsPort, uid, gid, extra };
  const template = readFileSync(new URL('./dovecot.conf', import.meta.url), 'utf8');
  return template.replace(/@(\w+)@/g, (_, name: string) => String(values[name]));
}

async function launch(folder: string, port: number) {
  const child = spawn('dovecot', ['-F', '-c', path.join(folder, 'dovecot.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let trouble = '';
  child.stderr.on('data', (data: Buffer) => (trouble += data.toString()));
  child.once('error', (error) => {
    trouble += `${error.message}: install the Debian package dovecot-imapd.`;
  });
  try {
    await waitFor(() => answers(port), { what: 'Dovecot' });
  } catch (cause) {
    throw new Error(`Dovecot did not start: ${trouble} (its log is in ${folder})`, { cause });
  }
  return child;
}

/** The master's processes: now and then one that serves a session outlives it. */
function childrenOf(pid: number): number[] {
  try {
    const listed = execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' });
    return listed.split('\n').filter(Boolean).map(Number);
  } catch {
    // It has none, or the program is missing: then nobody but the master ends them.
    return [];
  }
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended with the master, as it should.
  }
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function makeCertificate(folder: string): void {
  const name = '/CN=localhost';
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '2', '-subj', name, '-keyout', path.join(folder, 'key.pem')],
      ...['-out', path.join(folder, 'cert.pem')],
    ],
    { stdio: 'ignore' },
  );
}

function readRawLog(folder: string): string {
  const files = readdirSync(folder).filter((name) => name.endsWith('.in'));
  return files.map((name) => readFileSync(path.join(folder, name), 'utf8')).join('');
}
