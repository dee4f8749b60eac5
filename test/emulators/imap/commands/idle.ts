import { BadCommand } from '../errors.ts';
import { accountOf, type Call, type Commands, type Session, tellChanges } from '../session.ts';

/** IDLE (RFC 2177): changes are told as they happen, until the client says DONE. */
export const idleCommands: Commands = {
  IDLE: { state: 'authenticated', needs: 'IDLE', run: idle },
};

async function idle(session: Session, { args }: Call): Promise<string> {
  args.end();
  const stop = accountOf(session).onChange(() => tellChanges(session, true));
  try {
    session.send('+ idling');
    tellChanges(session, true);
    const line = await session.readLine();
    if (line?.toUpperCase() !== 'DONE') throw new BadCommand('DONE expected');
  } finally {
    stop();
  }
  return 'done';
}
