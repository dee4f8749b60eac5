import { randomBytes } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { compress } from '../../runtime/compress.ts';

const text = (length: number, word: string): Buffer => Buffer.alloc(length, `${word} and more; `);

it('makes a frame of each value that stands alone, whatever came before', () => {
  const values = [
    ...[301, 2_000, 32_768, 32_769, 200_000].map((length) => text(length, `of ${length}`)),
    ...[301, 2_000, 32_768, 32_769].map((length) => randomBytes(length)),
    text(2_000, 'of 2000'),
  ];
  const frames = values.map((value) => Buffer.from(compress(value)));
  for (const [i, frame] of frames.toReversed().entries()) {
    expect(zstdDecompressSync(frame)).toEqual(values.at(-1 - i));
  }
  // Nothing of a value helps the next: the same one takes the same bytes again.
  expect(frames.at(-1)).toEqual(frames[1]);
});

it('makes what is text smaller, and takes a part of a larger buffer for what it is', () => {
  const whole = text(10_000, 'a part');
  const part = whole.subarray(1_000, 5_000);
  const frame = compress(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  expect(frame.length).toBeLessThan(part.length / 10);
  expect(zstdDecompressSync(frame)).toEqual(part);
});

it('gives each value a result of its own', () => {
  const [first, second] = [text(3_000, 'the first'), text(3_000, 'the second')];
  const frame = compress(first);
  const before = Buffer.from(frame);
  compress(second);
  expect(Buffer.from(frame)).toEqual(before);
});

it('goes on with the next value after one that could not be read', () => {
  const detached = new Uint8Array(2_000);
  structuredClone(detached, { transfer: [detached.buffer] });
  for (let i = 0; i < 3; i += 1) expect(() => compress(detached)).toThrow('detached');
  const after = text(2_000, 'after');
  expect(zstdDecompressSync(compress(after))).toEqual(after);
});
