-- The CHECK and NOT NULL constraints of the ledger, and whether they hold for every row. PostgreSQL 18 can leave a
-- constraint unenforced; the catalogs of older versions do not have that column.
-- Used by: table_guard, the repair.
SELECT c.contype::text AS type,
       c.conname AS name,
       pg_catalog.pg_get_expr(c.conbin, c.conrelid) AS expression,
       c.convalidated AND coalesce((pg_catalog.to_jsonb(c) ->> 'conenforced')::boolean, true) AS holds,
       coalesce((pg_catalog.to_jsonb(c) ->> 'conenforced')::boolean, true) AS enforced,
       EXISTS (SELECT FROM pg_catalog.pg_depend d  -- what is built in is not listed there
               WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = c.oid
                 AND d.refclassid <> 'pg_catalog.pg_class'::pg_catalog.regclass) AS runs_own_code,
       (SELECT pg_catalog.array_agg(a.attname::text)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns
FROM pg_catalog.pg_constraint c
WHERE c.conrelid = %(table)s AND c.contype IN ('c', 'n')
ORDER BY c.conname
