import type { MessageStructureObject } from 'imapflow';
import type { AttachmentInfo } from '../../domain/mail.ts';
import { leafBytesMax, leavesMax, messageTextBytesMax, mimeDepthMax, partsMax } from './bounds.ts';

/** A text part whose content will be fetched. */
export interface LeafPlan {
  part: string;
  subtype: 'plain' | 'html';
  charset: string;
  encoding: string;
  /** Encoded size as the server states it. */
  size: number;
}

export interface StructurePlan {
  leaves: LeafPlan[];
  attachments: AttachmentInfo[];
  /** What the leaves will weigh at most. */
  bytes: number;
}

/**
 * Splits a BODYSTRUCTURE (RFC 9051 §7.5.2) into the text to fetch and the parts that are only
 * named. Text is text/plain or text/html with neither an attachment disposition nor a file name,
 * outside message/rfc822. Undefined when the structure is deeper or wider than the bounds.
 */
export function planStructure(root: MessageStructureObject): StructurePlan | undefined {
  const plan: StructurePlan = { leaves: [], attachments: [], bytes: 0 };
  // A stack of our own: how deep the nodes go is the sender's choice.
  const stack = [{ node: root, depth: 1 }];
  let parts = 0;
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { node, depth } = top;
    parts += 1;
    if (depth > mimeDepthMax || parts > partsMax) return undefined;
    if (node.type.startsWith('multipart/')) {
      for (const child of (node.childNodes ?? []).toReversed()) {
        stack.push({ node: child, depth: depth + 1 });
      }
    } else addPart(plan, node);
  }
  return plan;
}

function addPart(plan: StructurePlan, node: MessageStructureObject): void {
  const part = node.part ?? '1';
  const size = node.size ?? 0;
  const name = fileName(node);
  const bytes = Math.min(size, leafBytesMax);
  if (
    isBodyText(node, name) &&
    plan.leaves.length < leavesMax &&
    plan.bytes + bytes <= messageTextBytesMax
  ) {
    plan.leaves.push({
      part,
      subtype: node.type === 'text/html' ? 'html' : 'plain',
      charset: node.parameters?.['charset'] ?? '',
      encoding: node.encoding ?? '',
      size,
    });
    plan.bytes += bytes;
  } else plan.attachments.push({ name, type: node.type, size, part });
}

function isBodyText(node: MessageStructureObject, name: string): boolean {
  const isText = node.type === 'text/plain' || node.type === 'text/html';
  return isText && name === '' && node.disposition?.toLowerCase() !== 'attachment';
}

function fileName(node: MessageStructureObject): string {
  return node.dispositionParameters?.['filename'] ?? node.parameters?.['name'] ?? '';
}
