import { connect, createServer, type Socket } from 'node:net';

export interface Traffic {
  sent: number;
  received: number;
  /** Tagged commands. */
  commands: number;
}

/** Stands between a client and a server on this machine, and counts what passes. */
export interface CountingProxy {
  port: number;
  /** What passed since the last call. */
  take(): Traffic;
  close(): Promise<void>;
}

export async function openCountingProxy(target: number): Promise<CountingProxy> {
  const none: Traffic = { sent: 0, received: 0, commands: 0 };
  let counted = { ...none };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => sockets.delete(socket));
    }
    client.on('data', (data) => {
      counted.sent += data.length;
      counted.commands += data.toString('latin1').match(/^[\dA-Z]+ [A-Z]/gm)?.length ?? 0;
    });
    upstream.on('data', (data) => (counted.received += data.length));
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    take: () => {
      const taken = counted;
      counted = { ...none };
      return taken;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
