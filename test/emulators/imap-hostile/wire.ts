import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** The socket to the client, for answers that no server gives. Every method ends with the socket. */
export interface Wire {
  /** Latin-1 text of the bytes, sent as it is. */
  send(text: string): Promise<void>;
  /** Repeats a chunk until so many bytes are sent or the client has enough. */
  stream(chunk: string, bytes?: number): Promise<void>;
  /** One byte at a time. */
  drip(text: string, intervalMs?: number): Promise<void>;
  /** Says nothing until the client is gone. */
  hang(): Promise<void>;
  cut(): void;
  open(): boolean;
  /** Bytes that the client's side has taken. */
  sent(): number;
}

/** As slowly as a byte counts as a sign of life. */
const dripMs = 1_000;

export function createWire(socket: Socket): Wire {
  const gone = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  const isOpen = (): boolean => socket.writable && !socket.destroyed;

  async function send(text: string): Promise<void> {
    if (!isOpen() || socket.write(text, 'latin1')) return;
    const drained = new Promise<void>((resolve) => void socket.once('drain', resolve));
    await Promise.race([drained, gone]);
  }

  return {
    send,
    stream: async (chunk, bytes = Number.POSITIVE_INFINITY) => {
      for (let left = bytes; left > 0 && isOpen(); left -= chunk.length) {
        await send(chunk.slice(0, left));
      }
    },
    drip: async (text, intervalMs = dripMs) => {
      for (const byte of text) {
        if (!isOpen()) return;
        await send(byte);
        await Promise.race([delay(intervalMs, undefined, { ref: false }), gone]);
      }
    },
    hang: () => gone,
    cut: () => void socket.destroy(),
    open: isOpen,
    sent: () => socket.bytesWritten,
  };
}
