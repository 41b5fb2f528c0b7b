-- The owner of the ledger, and whether this role has the owner's privileges.
-- Used by: the repair, before it changes anything.
SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) AS owner,
       pg_catalog.quote_ident(current_user) AS role,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') AS may_repair
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s
