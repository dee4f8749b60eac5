import { arabic } from './phrases/arabic.ts';
import { english } from './phrases/english.ts';
import { french } from './phrases/french.ts';
import { german } from './phrases/german.ts';
import { indonesian } from './phrases/indonesian.ts';
import { japanese } from './phrases/japanese.ts';
import { russian } from './phrases/russian.ts';
import { spanish } from './phrases/spanish.ts';

export interface Person {
  name: string;
  address: string;
}

/** What one conversation is about. `{n}` stands for a number that the conversation keeps. */
export interface Topic {
  subject: string;
  /** The first message, paragraph by paragraph. */
  opening: readonly string[];
  /** One of these opens each answer. */
  answers: readonly string[];
  /** The kind of file that is sent along now and then. */
  file?: string;
}

/** How mail of one language is written. */
export interface Phrasebook {
  /** A tag of BCP 47. */
  language: string;
  people: readonly Person[];
  greet(name: string): string;
  closings: readonly string[];
  /** Sentences that fit anywhere. */
  fillers: readonly string[];
  topics: readonly Topic[];
  /** Put before the quotation in an answer. */
  quoteIntro(name: string, day: string): string;
  /** The prefix of an answer's subject. */
  replyPrefix: string;
  /** Charsets that mail in this language is met in, the usual ones several times. */
  charsets: readonly Charset[];
}

export type Charset = 'us-ascii' | 'utf-8' | 'iso-8859-1' | 'windows-1252' | JapaneseOrOther;
type JapaneseOrOther = 'iso-2022-jp' | 'koi8-r' | 'windows-1256';

/** The usual languages several times. */
export const phrasebooks: readonly Phrasebook[] = [
  ...[english, english, english, german, german, indonesian, indonesian],
  ...[japanese, japanese, french, french, arabic, spanish, russian],
];
