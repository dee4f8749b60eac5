import { defineQuery, defineSignal } from '@temporalio/workflow';
import { pokeSignal } from './contract.ts';

/** A hint that something changed; carries nothing. */
export const pokeMessage = defineSignal(pokeSignal);

/** What the Temporal UI shows, as text. */
export const statusMessage = defineQuery<string>('status');
