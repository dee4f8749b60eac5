import type { EncodeJob, SealedMailPage, Span } from '../../domain/mail-page.ts';

/** A page's messages in as many parts, which threads can encode side by side. */
export function splitJob(job: EncodeJob, parts: number): EncodeJob[] {
  const size = Math.max(1, Math.ceil(job.messages.length / parts));
  return Array.from({ length: Math.ceil(job.messages.length / size) }, (_, i) => ({
    ...job,
    messages: job.messages.slice(i * size, (i + 1) * size),
  }));
}

/** What the parts became, as one page in their order. */
export function joinPages(pages: SealedMailPage[]): SealedMailPage {
  const joined: SealedMailPage = {
    blob: Buffer.concat(pages.map(({ blob }) => blob)),
    messages: [],
    addresses: [],
    labels: [],
    failures: [],
  };
  const addresses = new Map<string, Span>();
  const labels = new Map<string, Span>();
  let offset = 0;
  for (const page of pages) {
    const start = offset;
    const moved = ([at, length]: Span): Span => [start + at, length];
    for (const message of page.messages) {
      const { envelope, body } = message;
      joined.messages.push({ ...message, envelope: moved(envelope), body: moved(body) });
    }
    for (const { id, address } of page.addresses) addresses.set(id, moved(address));
    for (const { id, name } of page.labels) labels.set(id, moved(name));
    joined.failures.push(...page.failures);
    offset += page.blob.length;
  }
  joined.addresses = [...addresses].map(([id, address]) => ({ id, address }));
  joined.labels = [...labels].map(([id, name]) => ({ id, name }));
  return joined;
}
