import { minuteMs, secondMs } from '../../domain/clock.ts';

/**
 * Every bound of the IMAP adapter, with its reason. Mailboxes and servers are hostile input: what
 * is not bounded here is bounded by one of these.
 */

const kib = 1024;
const mib = 1024 * kib;

/** A header block beyond this is cut: lists of a thousand recipients stay under 64 KiB. */
export const headerBytesMax = 128 * kib;

/** One text leaf; newsletters stay under 500 KiB, what is longer is cut and marked. */
export const leafBytesMax = 2 * mib;

/** All text leaves of one message together; further leaves are listed as attachments. */
export const messageTextBytesMax = 8 * mib;

/** Text leaves of one message; a digest has a dozen, further ones are listed as attachments. */
export const leavesMax = 20;

/** Nesting of MIME parts; real mail stays under 10, the server's parser gives up near 100. */
export const mimeDepthMax = 50;

/** Parts of one message in all; each costs a tree node and an attachment entry. */
export const partsMax = 1_000;

/** Keywords of one message that are kept; servers allow a few dozen per folder. */
export const keywordsMax = 100;

/** Folders of one account; each costs rows, a cursor and a STATUS. */
export const foldersMax = 10_000;

/** Levels of one folder; deeper ones keep the rest of the path as their name. */
export const folderDepthMax = 100;

/** Messages that a folder is believed to hold: so that sums over all folders stay 53-bit numbers. */
export const messagesMax = 100_000_000;

/** The store counts sizes with 31 bits; a message beyond two gigabytes cannot be sent by anybody. */
export const sizeMax = 2 ** 31 - 1;

/** Mod-sequences have 63 bits (RFC 7162 §3.1). */
export const modseqMax = 2n ** 63n - 1n;

/** A keyword is a word for people; what is longer is somebody's data in a wrong place. */
export const keywordCharsMax = 500;

/** A listing of `foldersMax` folders with their counters: 600 bytes and four lines for each. */
export const folderListBudget = { bytesMax: 6 * mib, linesMax: 4 * foldersMax } as const;

/** From the greeting to the login: a server's capabilities take two kilobytes. */
export const openBytesMax = 256 * kib;

/** UIDs asked for in one SEARCH, so that an answer without ESEARCH stays under 600 KiB. */
export const listingWindow = 50_000;

/** The widest UID range of one SEARCH in a sparse folder: at most 11 MB when it turns out full. */
export const listingSpanMax = 1_000_000;

/** The answer to one SEARCH: the widest span full of UIDs, and what a server adds by itself. */
export const searchBytesMax = 16 * mib;

/** A UID in the answer to a SEARCH among some; ten digits and a space. */
export const searchedUidBytes = 11;

/** All outlines of one fetch: 400 honest headers are 4 MB; what weighs more is fetched in halves. */
export const outlineBytesMax = 12 * mib;

/** A UID is a 32-bit number (RFC 9051 §9, uniqueid). */
export const uidMax = 2 ** 32 - 1;

/** UIDs named in one command as text: servers need take no line beyond 8 KB (RFC 7162 §4). */
export const uidSetCharsMax = 7_000;

/** Flags and labels of a message, on average over a command: thirty long words. */
export const flagRowBytes = 2 * kib;

/** Message-ID, size and date of a message, on average over a command. */
export const identityRowBytes = 2 * kib;

/** What a server announces by itself while it answers: some thousands of lines. */
export const announcedBytes = 256 * kib;

/** Sets of vanished UIDs in one answer, as text and with what each costs: `uidRangesMax` ranges. */
export const vanishedBytesMax = 12 * mib;

/** What each text leaf may weigh beyond its stated size: some servers count line ends once. */
export const leafSlackBytes = 64 * kib;

/** The same for a page, which may have eight thousand leaves; what weighs more is fetched in halves. */
export const textSlackBytesMax = 4 * mib;

/** Known items compared with the listing at a time, and UIDs in one command. */
export const compareBatch = 5_000;

/** Flag changes in one page: small rows, one statement for the store. */
export const flagBatch = 2_000;

/** The keywords of such a page together; thirty words a message are a tenth of it. */
export const flagBatchCharsMax = 4 * mib;

/** Rows of changed flags beyond two for each message: changes go on while they are told. */
export const changedRowsSlack = 10_000;

/** Ranges of vanished UIDs that are believed at once: 12 MB of text, 100 MB in the worst heap. */
export const uidRangesMax = 1_000_000;

/** Vanished UIDs handed on by name; of more, only those that the store knows: a set costs nothing. */
export const namedVanishedMax = 50_000;

/**
 * Connections that one page may cost because answers break the bounds: each item at fault costs one.
 * What is left then is read in smaller pages, so that the position moves.
 */
export const reopensPerPageMax = 30;

/**
 * The same for a session, whatever its pages: servers count logins. More than a page and the first
 * of the smaller ones together, so that no session ends where it began.
 */
export const reopensPerSessionMax = 3 * reopensPerPageMax;

/**
 * Connections that one session may cost because the server ended it: servers count logins. A letter
 * in a page of 400 costs four, the next one in the same page three.
 */
export const hangUpsMax = 8;

/** Parts of a page at which the server hung up: so that two losses lead from 400 to a single one. */
export const hangUpParts = 20;

/** Witnesses asked in the folder, and elsewhere, before nobody is blamed. */
export const witnessesMax = 3;

/** More commands than reading one message takes: a witness has to outlast what it is compared with. */
export const witnessCommands = 8;

/** imapflow's own limits, lowered from gigabytes to what the fetches above can produce. */
export const parserLimits = {
  maxLiteralSize: 4 * mib,
  // A SEARCH over `listingSpanMax` UIDs without ESEARCH.
  maxLineLength: 16 * mib,
  // One answer carries all text leaves of a message, and its header.
  maxResponseSize: 24 * mib,
  // A BODYSTRUCTURE of `partsMax` parts has about 50,000 tokens; each costs a kilobyte of heap.
  maxResponseTokens: 80_000,
} as const;

/** Tokens of one BODYSTRUCTURE: what the parser takes of a row, less some thousands for its flags. */
export const structureTokensMax = parserLimits.maxResponseTokens - 5_000;

/** A watch reads counters and announcements: the parser need not hold more for thousands of them. */
export const watchParserLimits = {
  maxLiteralSize: 64 * kib,
  maxLineLength: mib,
  maxResponseSize: mib,
  maxResponseTokens: 20_000,
} as const;

/** A watch's sweep is one listing; besides it a minute brings a few dozen announcements. */
export const watchFlow = { bytesMax: folderListBudget.bytesMax + mib, windowMs: minuteMs } as const;

/** A session at rest has asked for nothing; what comes unasked is an announcement now and then. */
export const restFlow = { bytesMax: 256 * kib, windowMs: minuteMs } as const;

export interface ImapLimits {
  /**
   * From the first packet to the login in all, and for a watch's opening of the inbox. The timeouts
   * of the single steps start again with every byte, so a peer that sends one a second would be
   * waited for without end.
   */
  openTimeoutMs: number;
  /** Name resolution, TCP and TLS together; a member waits for the answer. */
  connectionTimeoutMs: number;
  greetingTimeoutMs: number;
  /** A command without any byte of answer; SEARCH in huge folders takes a minute on slow disks. */
  socketTimeoutMs: number;
  /** Idle sync sessions are closed: servers count connections, 15 an account at some hosts. */
  poolIdleMs: number;
  /** One for the live loop, one for the backfill. */
  sessionsPerAccount: number;
  /** An idle session is asked for a sign of life before it is used again after this. */
  livenessAfterMs: number;
  /** And has so long to give it, whatever else it says meanwhile; a new one is opened then. */
  livenessTimeoutMs: number;
  /** A failed login check takes at least this long, so that ports cannot be told apart by time. */
  failureLatencyMs: number;
  /** One sweep of a watch: `foldersMax` folders without LIST-STATUS, at 30 ms each. */
  sweepTimeoutMs: number;
  /** IDLE is renewed: firewalls drop silent connections after 10 minutes, servers after 30. */
  idleRenewMs: number;
  /** How soon a watch goes back to IDLE after a command. */
  idleDelayMs: number;
}

export const defaultLimits: ImapLimits = {
  openTimeoutMs: 40 * secondMs,
  connectionTimeoutMs: 20 * secondMs,
  greetingTimeoutMs: 10 * secondMs,
  socketTimeoutMs: 2 * minuteMs,
  poolIdleMs: minuteMs,
  sessionsPerAccount: 2,
  livenessAfterMs: 10 * secondMs,
  livenessTimeoutMs: 10 * secondMs,
  failureLatencyMs: 2 * secondMs,
  sweepTimeoutMs: 5 * minuteMs,
  idleRenewMs: 9 * minuteMs,
  idleDelayMs: 50,
};
