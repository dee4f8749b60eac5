import { connect, createServer, type Socket } from 'node:net';

/** A wire between a client and a server that can go wrong in the ways in which wires do. */
export interface TcpProxy extends AsyncDisposable {
  port: number;
  /** How many connections there have been. */
  connections(): number;
  /** Nothing gets through the open connections any more, and neither side learns of it. */
  goSilent(): void;
  /** Ends a share of the open connections for the client, rudely or not, and says how many. */
  cut(how: 'reset' | 'end', share: number): number;
}

export interface TcpProxyOptions {
  /** What the client gets of what the server says; each connection has a filter of its own. */
  createFilter?: () => (text: string) => string;
}

export async function createTcpProxy(
  target: number,
  { createFilter = () => (text) => text }: TcpProxyOptions = {},
): Promise<TcpProxy> {
  const wires = new Set<{ client: Socket; server: Socket; silent: boolean }>();
  let connections = 0;
  const listener = createServer((client) => {
    connections += 1;
    const server = connect(target, '127.0.0.1');
    const wire = { client, server, silent: false };
    wires.add(wire);
    const filter = createFilter();
    client.on('data', (data) => {
      if (!wire.silent) server.write(data);
    });
    server.on('data', (data) => {
      if (!wire.silent) client.write(filter(data.toString('latin1')), 'latin1');
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => socket.destroy());
      socket.once('close', () => {
        if (wire.silent) return;
        wires.delete(wire);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as { port: number };
  return {
    port,
    connections: () => connections,
    goSilent: () => {
      for (const wire of wires) wire.silent = true;
    },
    cut: (how, share) => {
      const chosen = [...wires].filter(() => Math.random() < share);
      for (const { client } of chosen) {
        if (how === 'reset') client.resetAndDestroy();
        else client.end();
      }
      return chosen.length;
    },
    [Symbol.asyncDispose]: async () => {
      for (const { client, server } of wires) for (const end of [client, server]) end.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
