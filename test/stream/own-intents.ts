import type { IntentView } from '../../api/schemas/intents.ts';

/** Sends a request to the API, as the owner of the mailbox. */
export type Call = (
  method: string,
  route: string,
) => Promise<{ status: number; body: Record<string, unknown> }>;

/**
 * What became of changes that were asked for, by their ids, as the API tells it. One that it does
 * not list is missing in the answer.
 */
export async function readIntents(
  { id, call }: { id: string; call: Call },
  asked: readonly string[],
): Promise<Map<string, IntentView>> {
  const left = new Set(asked);
  const found = new Map<string, IntentView>();
  for (let cursor = ''; left.size > 0;) {
    const route = `/v1/connections/${id}/intents?limit=200${cursor && `&cursor=${cursor}`}`;
    const { status, body } = await call('GET', route);
    if (status !== 200) throw new Error(`the intents: ${status}`);
    for (const intent of body['data'] as IntentView[]) {
      if (left.delete(intent.id)) found.set(intent.id, intent);
    }
    if (body['nextCursor'] === null) break;
    cursor = encodeURIComponent(body['nextCursor'] as string);
  }
  return found;
}
