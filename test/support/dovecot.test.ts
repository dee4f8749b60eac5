import { afterEach, describe, expect, it } from 'vitest';
import { startDovecot, type CapabilityLevel, type Dovecot } from './dovecot.ts';
import { readOracle } from './imap-oracle.ts';
import { generateMaildir } from './mailbox-generator.ts';

const servers: Dovecot[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function start(options: Parameters<typeof startDovecot>[0]): Promise<Dovecot> {
  const server = await startDovecot(options);
  servers.push(server);
  return server;
}

describe('a private Dovecot', () => {
  it.each<[CapabilityLevel, string[], string[]]>([
    ['qresync', ['QRESYNC', 'CONDSTORE', 'ESEARCH'], []],
    ['condstore', ['CONDSTORE', 'ESEARCH', 'IDLE'], ['QRESYNC']],
    ['plain', ['IDLE'], ['QRESYNC', 'CONDSTORE', 'ESEARCH', 'MOVE', 'LIST-STATUS']],
  ])('of level %s offers what it should, and no more', async (capabilities, has, lacks) => {
    const server = await start({ capabilities });
    const client = await server.imap();
    const offered = new Set(client.capabilities.keys());
    await client.logout();
    expect(has.filter((name) => !offered.has(name))).toEqual([]);
    expect(lacks.filter((name) => offered.has(name))).toEqual([]);
  });

  it('keeps its mail over a restart, and a log of what it was asked', async () => {
    const server = await start({ capabilities: 'condstore', rawLog: true });
    const client = await server.imap();
    await client.append('INBOX', 'Subject: kept\r\n\r\nbody\r\n');
    await client.logout();
    await server.restart();
    const again = await server.imap();
    expect((await again.mailboxOpen('INBOX')).exists).toBe(1);
    await again.logout();
    expect(server.commands()).toMatch(/APPEND "?INBOX/);
  });
});

describe('a generated Maildir', () => {
  it('is the same for the same seed, with flags, charsets and names of every kind', async () => {
    const [one, other] = [await generated(), await generated()];
    expect(strip(one)).toEqual(strip(other));
    const messages = [...one.values()].flatMap((folder) => [...folder.messages.values()]);
    expect(messages).toHaveLength(400);
    expect([...one.keys()]).toContain('Projekte.Büro.Angebote & Verträge');
    expect(new Set(messages.map(({ flags }) => flags)).size).toBeGreaterThan(3);
    expect(messages.filter(({ textHash }) => textHash === 'absent')).toEqual([]);
    const withHtml = messages.filter(({ htmlHash }) => htmlHash !== 'absent');
    expect(withHtml.length).toBeGreaterThan(100);
  });
});

async function generated(): Promise<Awaited<ReturnType<typeof readOracle>>> {
  const server = await start({ capabilities: 'qresync' });
  const { maildir } = server;
  generateMaildir({ maildir, messages: 400, folders: 12, seed: 3, mix: 'usual' });
  const client = await server.imap();
  const oracle = await readOracle(client);
  await client.logout();
  return oracle;
}

/** Dovecot draws UIDVALIDITY from the clock. */
function strip(oracle: Awaited<ReturnType<typeof readOracle>>): unknown {
  return [...oracle].map(([name, { messages }]) => [name, [...messages]]);
}
