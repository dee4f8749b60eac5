import type { Behaviour } from './behaviour.ts';
import { contents } from './contents.ts';
import { floods } from './floods.ts';
import { folders } from './folders.ts';
import { openings } from './openings.ts';

/** Everything that the hostile server can do, in the order in which a session would meet it. */
export const behaviours: readonly Behaviour[] = [...openings, ...folders, ...floods, ...contents];
