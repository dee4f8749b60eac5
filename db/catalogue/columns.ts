/** What a column, or a field inside a sealed value, holds. */
export type Holds =
  | 'id'
  | 'count'
  | 'state'
  | 'time'
  /** A keyed or plain hash: a blind index, a derived id, a chain's link. */
  | 'hash'
  /** An encrypted value; `fields` names what is inside. */
  | 'sealed'
  /** A key that another key wraps. */
  | 'key'
  /** A provider's counters and positions. */
  | 'cursor'
  /** The CRM's name of its customer, as operators read it. */
  | 'tenant-name'
  | 'operator-name'
  /** A word of ours: an action, a reason, a region, a file of ours. */
  | 'word';

/** What stands inside a sealed value. Everything there may be personal. */
export type FieldHolds = 'content' | 'address' | 'name' | 'credential' | 'provider-id' | 'count';

/**
 * How a column's content ends: with its row (`row`); with the row, and before that with the
 * tenant's key (`key-and-row`); or never, because it proves what was done (`kept`).
 */
export type Erase = 'row' | 'key-and-row' | 'kept';

/** How a purge shows that it is gone: no row is left, no key is left, or nothing is to be shown. */
export type Verify = 'no-rows' | 'no-key' | 'none';

export interface CatalogueColumn {
  holds: Holds;
  /** Whether the tenant's export shows it: as it is, opened, or not at all. */
  export: 'plain' | 'opened' | 'no';
  erase: Erase;
  verify: Verify;
  /** Of sealed values: every field inside. */
  fields?: Readonly<Record<string, FieldHolds>>;
}

export interface CatalogueTable {
  database: 'data' | 'keys';
  /** `schema.table` */
  name: string;
  columns: Readonly<Record<string, CatalogueColumn>>;
}

/** How the columns of one table are treated. */
export type Treatment = Omit<CatalogueColumn, 'holds' | 'fields'>;
/** Columns by name: what each holds, or an entry of its own. */
export type Columns = Readonly<Record<string, Exclude<Holds, 'sealed'> | CatalogueColumn>>;

/** A table of tenants' rows: behind row-level security, exported, gone with the tenant. */
export function ofTenant(name: string, columns: Columns): CatalogueTable {
  const treatment = { export: 'plain', erase: 'row', verify: 'no-rows' } as const;
  return table(`public.${name}`, treatment, columns);
}

/** A table of the data database. */
export function table(name: string, treatment: Treatment, columns: Columns): CatalogueTable {
  return { database: 'data', name, columns: columnsOf(treatment, columns) };
}

/** The entries of a table's columns. */
export function columnsOf(treatment: Treatment, columns: Columns): CatalogueTable['columns'] {
  return Object.fromEntries(
    Object.entries(columns).map(([name, entry]) => {
      if (typeof entry !== 'string') return [name, entry];
      // Hashes and positions mean nothing outside of this installation.
      const internal = entry === 'hash' || entry === 'cursor';
      return [name, { ...treatment, holds: entry, ...(internal && { export: 'no' as const }) }];
    }),
  );
}

/** An encrypted column with the fields inside. */
export function sealed(fields: Readonly<Record<string, FieldHolds>>): CatalogueColumn {
  return { holds: 'sealed', export: 'opened', erase: 'key-and-row', verify: 'no-key', fields };
}
