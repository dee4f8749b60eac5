import type { Commands } from '../session.ts';
import { appendCommands } from './append.ts';
import { authCommands } from './auth.ts';
import { fetchCommands } from './fetch.ts';
import { folderCommands } from './folders.ts';
import { idleCommands } from './idle.ts';
import { listCommands } from './list.ts';
import { searchCommands } from './search.ts';
import { selectCommands } from './select.ts';
import { storeCommands } from './store.ts';
import { transferCommands } from './transfer.ts';

/** Every command that the server knows, by its name. */
export const commands: Commands = {
  ...authCommands,
  ...listCommands,
  ...folderCommands,
  ...selectCommands,
  ...fetchCommands,
  ...searchCommands,
  ...storeCommands,
  ...transferCommands,
  ...appendCommands,
  ...idleCommands,
};
