import { sql } from 'drizzle-orm';

/** Of `sync_status s` and `connections n`: new credentials that no slice has taken up. */
export const credentialsRenewed = sql`n.credentials_generation > s.taken_up_generation`;

/** Of the same: history that is to reach further back. */
export const historyDeepened = sql`n.history_generation > s.taken_up_generation`;
