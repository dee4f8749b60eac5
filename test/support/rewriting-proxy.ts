import { connect, createServer, type Socket } from 'node:net';

export interface RewritingProxy extends AsyncDisposable {
  port: number;
}

/** Stands before a server on this machine and changes what it says, line by line. */
export async function openRewritingProxy(
  target: number,
  rewrite: (line: string) => string,
): Promise<RewritingProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => sockets.delete(socket));
    }
    let begun = '';
    upstream.on('data', (data) => {
      const lines = (begun + data.toString('latin1')).split('\r\n');
      begun = lines.pop() ?? '';
      const said = lines.map(rewrite).filter((line) => line !== dropped);
      client.write(said.map((line) => `${line}\r\n`).join(''), 'latin1');
    });
    upstream.once('end', () => client.end());
    client.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A line in whose place nothing is said. */
export const dropped = '\u0000';
