-- The roles that may change entries: the owner, and whoever holds UPDATE (also of one column), DELETE or TRUNCATE,
-- directly or through another role. Superusers may do anything and are only counted; built-in roles are left out,
-- their members are found by what they inherit.
-- Used by: append_only.
SELECT r.rolname AS role,
       r.rolsuper AS superuser,
       c.relowner = r.oid AS owner,
       pg_catalog.has_any_column_privilege(r.oid, c.oid, 'UPDATE') AS may_update,
       pg_catalog.has_table_privilege(r.oid, c.oid, 'DELETE') AS may_delete,
       pg_catalog.has_table_privilege(r.oid, c.oid, 'TRUNCATE') AS may_truncate
FROM pg_catalog.pg_roles r
CROSS JOIN pg_catalog.pg_class c
WHERE c.oid = %(table)s AND (r.rolsuper OR pg_catalog.left(r.rolname, 3) <> 'pg_')
ORDER BY r.rolname
