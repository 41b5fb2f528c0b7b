-- SECURITY DEFINER functions that others than their owner may call, or that a trigger can call, and whose owner may change
-- the ledger, with their source. The source of a function in standard SQL (PostgreSQL 14) is kept in another column.
-- Used by: append_only.
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname) AS function,
       pg_catalog.pg_get_userbyid(p.proowner)::text AS owner,
       CASE WHEN pg_catalog.to_jsonb(p) ->> 'prosqlbody' IS NULL THEN p.prosrc
            ELSE pg_catalog.pg_get_functiondef(p.oid) END AS source
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c')
WHERE p.prosecdef AND p.prokind <> 'a'
  AND (p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype
       OR EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
                  WHERE a.grantee <> p.proowner))
  AND (pg_catalog.has_any_column_privilege(p.proowner, %(table)s, 'INSERT, UPDATE')
       OR pg_catalog.has_table_privilege(p.proowner, %(table)s, 'DELETE, TRUNCATE'))
ORDER BY 1
