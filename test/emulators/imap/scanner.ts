import { BadCommand } from './errors.ts';

/** Stands in a command's text where a literal was; the protocol itself knows no NUL. */
export const literalMark = '\u0000';

/** Reads the arguments of one command from left to right, strictly by RFC 3501 §9. */
export interface Scanner {
  atEnd(): boolean;
  /** The coming character, or so many of them, without taking them. */
  peek(count?: number): string;
  /** Takes the text if it comes next, in any case of letters. */
  accept(text: string): boolean;
  expect(text: string): void;
  space(): void;
  atom(): string;
  /** A flag, with its backslash. */
  flag(): string;
  number(): number;
  /** A quoted string or a literal, as Latin-1 text of its bytes. */
  string(): string;
  literal(): Buffer;
  astring(): string;
  /** An astring in which wildcards are allowed too (LIST). */
  pattern(): string;
  /** Characters up to a space or a parenthesis: sequence sets. */
  word(): string;
  list<T>(item: () => T): T[];
  end(): void;
}

export function createScanner(text: string, literals: readonly Buffer[]): Scanner {
  let at = 0;
  let literalsTaken = 0;

  function take(pattern: RegExp, what: string): string {
    const sticky = new RegExp(pattern.source, 'y');
    sticky.lastIndex = at;
    const match = sticky.exec(text);
    if (!match) throw new BadCommand(`${what} expected`);
    at = sticky.lastIndex;
    return match[0];
  }

  const accept = (wanted: string): boolean => {
    if (text.slice(at, at + wanted.length).toUpperCase() !== wanted.toUpperCase()) return false;
    at += wanted.length;
    return true;
  };
  const expect = (wanted: string): void => {
    if (!accept(wanted)) throw new BadCommand(`"${wanted}" expected`);
  };
  const literal = (): Buffer => {
    expect(literalMark);
    return literals[literalsTaken++]!;
  };
  const quoted = (): string => {
    const whole = take(/"(?:[^"\\\r\n]|\\["\\])*"/, 'quoted string');
    return whole.slice(1, -1).replace(/\\(.)/g, '$1');
  };
  const isString = () => text[at] === '"' || text[at] === literalMark;
  const string = () => (text[at] === literalMark ? literal().toString('latin1') : quoted());

  return {
    atEnd: () => at >= text.length,
    peek: (count = 1) => text.slice(at, at + count),
    ...{ accept, expect, literal, string },
    space: () => expect(' '),
    atom: () => take(/[^\u0000-\u0020(){%*"\\\]\u007f-\u00ff]+/, 'atom'),
    flag: () => take(/\\?[^\u0000-\u0020(){%*"\\\]\u007f-\u00ff]+/, 'flag'),
    number: () => Number(take(/\d+/, 'number')),
    astring: () =>
      isString() ? string() : take(/[^\u0000-\u0020(){%*"\\\u007f-\u00ff]+/, 'astring'),
    pattern: () =>
      isString() ? string() : take(/[^\u0000-\u0020(){"\\\u007f-\u00ff]+/, 'list pattern'),
    word: () => take(/[^\u0000-\u0020()]+/, 'word'),
    list: (item) => {
      const items: ReturnType<typeof item>[] = [];
      expect('(');
      while (!accept(')')) {
        if (items.length > 0) expect(' ');
        items.push(item());
      }
      return items;
    },
    end: () => {
      if (at < text.length) throw new BadCommand('unexpected text after the command');
    },
  };
}
