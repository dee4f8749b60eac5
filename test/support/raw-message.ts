import type { RawMessage } from '../../domain/provider.ts';

export interface RawMessageOptions extends Partial<Omit<RawMessage, 'header' | 'leaves'>> {
  headers?: string;
  text?: string;
}

/** A raw message as an adapter yields it, with the fields a test cares about. */
export function rawMessage({ headers = '', text, ...rest }: RawMessageOptions = {}): RawMessage {
  const content = text === undefined ? undefined : new Uint8Array(Buffer.from(text));
  const plain = { subtype: 'plain', charset: 'utf-8', encoding: '8bit', truncated: false } as const;
  return {
    uid: 1,
    flags: 0,
    keywords: [],
    receivedAt: new Date('2026-11-03T09:00:00Z'),
    size: 1_000,
    version: 0n,
    stableId: undefined,
    threadId: undefined,
    attachments: [],
    ...rest,
    header: new Uint8Array(Buffer.from(headers)),
    leaves: content ? [{ ...plain, content }] : [],
  };
}
