import { BadCommand, Refusal } from '../errors.ts';
import { type Call, type Commands, need, type Session } from '../session.ts';

/** CAPABILITY, ID, ENABLE, NOOP, LOGIN, AUTHENTICATE and LOGOUT. */
export const authCommands: Commands = {
  CAPABILITY: {
    state: 'any',
    run: (session, { args }) => {
      args.end();
      session.send(`* CAPABILITY ${[...session.capabilities].join(' ')}`);
      return 'done';
    },
  },
  NOOP: { state: 'any', run: (_session, { args }) => (args.end(), 'done') },
  LOGOUT: {
    state: 'any',
    run: (session, { args }) => {
      args.end();
      session.send('* BYE goodbye');
      session.over = true;
      return 'done';
    },
  },
  ID: { state: 'any', needs: 'ID', run: identify },
  ENABLE: { state: 'authenticated', needs: 'ENABLE', run: enable },
  LOGIN: {
    state: 'not-authenticated',
    run: (session, { args }) => {
      args.space();
      const user = args.astring();
      args.space();
      const password = args.astring();
      args.end();
      return logIn(session, utf8(user), utf8(password));
    },
  },
  AUTHENTICATE: { state: 'not-authenticated', run: authenticate },
};

const utf8 = (latin1: string) => Buffer.from(latin1, 'latin1').toString('utf8');

function logIn(session: Session, user: string, password: string): string {
  if (!Object.hasOwn(session.users, user) || session.users[user] !== password) {
    throw new Refusal('[AUTHENTICATIONFAILED] wrong user name or password');
  }
  session.account = session.accountOf(user);
  return `[CAPABILITY ${[...session.capabilities].join(' ')}] logged in`;
}

/** PLAIN (RFC 4616), with an initial response where SASL-IR (RFC 4959) is offered. */
async function authenticate(session: Session, { args }: Call): Promise<string> {
  args.space();
  if (args.atom().toUpperCase() !== 'PLAIN') throw new Refusal('[CANNOT] only PLAIN is offered');
  let response: string | undefined;
  if (args.accept(' ')) {
    need(session, 'SASL-IR');
    response = args.word();
  } else {
    session.send('+ ');
    response = await session.readLine();
  }
  args.end();
  if (response === undefined || !/^[A-Za-z0-9+/]*={0,2}$/.test(response)) {
    throw new BadCommand('the response is not base64');
  }
  const fields = Buffer.from(response, 'base64').toString('utf8').split('\u0000');
  const [authorize, user, password] = fields;
  if (fields.length !== 3 || user === undefined || password === undefined) {
    throw new BadCommand('PLAIN has three fields');
  }
  if (authorize !== '' && authorize !== user) throw new Refusal('[AUTHORIZATIONFAILED] no');
  return logIn(session, user, password);
}

function identify(session: Session, { args }: Call): string {
  args.space();
  const nilOrString = () => (args.accept('NIL') ? '' : args.string());
  if (!args.accept('NIL')) args.list(nilOrString);
  args.end();
  session.send('* ID ("name" "Steward sample mailbox")');
  return 'done';
}

/** RFC 5161: what is not known is ignored. */
function enable(session: Session, { args }: Call): string {
  const enabled: string[] = [];
  do {
    args.space();
    const wanted = args.atom().toUpperCase();
    if (!['CONDSTORE', 'UTF8=ACCEPT'].includes(wanted)) continue;
    if (!session.capabilities.has(wanted)) continue;
    if (wanted === 'CONDSTORE') session.condstore = true;
    else session.utf8 = true;
    enabled.push(wanted);
  } while (!args.atEnd());
  session.send(['* ENABLED', ...enabled].join(' '));
  return 'done';
}
