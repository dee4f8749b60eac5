import { createServer } from 'node:net';
import { Problem } from '../problem.ts';

const loopback = '127.0.0.1';

/**
 * The port to listen on: the one asked for, or any free one for 0.
 * @throws Problem when it is taken, naming the setting that chooses another.
 */
export async function claimPort(port: number, what: string, setting: string): Promise<number> {
  try {
    return await listenOnce(port);
  } catch (error) {
    throw new Problem(
      `Port ${port} for ${what} is not available (${(error as NodeJS.ErrnoException).code}).`,
      `Stop what listens there, or choose another port: ${setting}=<port> (0 = any free one).`,
      { cause: error },
    );
  }
}

async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, loopback, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port was assigned');
  return address.port;
}
