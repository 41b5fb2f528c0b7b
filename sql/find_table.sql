-- The ledger's table by schema and name, and whether this role may read it.
-- Used by: opening a snapshot.
SELECT c.oid,
       pg_catalog.quote_ident(n.nspname) AS schema,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
       c.relkind::text AS kind,
       pg_catalog.quote_ident(current_user) AS role,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS may_use_schema,
       pg_catalog.has_any_column_privilege(c.oid, 'SELECT') AS may_select
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s
