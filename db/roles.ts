import { sql } from 'drizzle-orm';
import type { Database } from './client.ts';

/**
 * Refuses to serve with a database role that row-level security doesn't bind: a superuser, one
 * with BYPASSRLS, the owner, or one that may become any of them.
 *
 * @throws Error that names the fault and the remedy.
 */
export async function assertAppRole({ db }: Database): Promise<void> {
  const [me] = await db.execute<{ name: string; bypasses: boolean; owns: boolean }>(sql`
    select current_user as name,
      exists (select from pg_roles r where (r.rolsuper or r.rolbypassrls)
        and (pg_has_role(session_user, r.oid, 'member') or r.rolname = current_user)) as bypasses,
      exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'directory', 'admin')
          and pg_has_role(session_user, c.relowner, 'member')) as owns`);
  if (!me) throw new Error('The database does not say who we are.');
  if (!me.bypasses && !me.owns) return;
  const fault = me.bypasses ? 'row-level security does not bind it' : 'it owns the tables';
  throw new Error(
    `Refusing to serve as the database role ${me.name}: ${fault}. ` +
      'Set DATABASE_URL to the role steward_app.',
  );
}
