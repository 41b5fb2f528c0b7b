-- The functions that the ledger's triggers, defaults, constraints, indexes and policies call, and the statements that
-- create them; without those of extensions and of PostgreSQL itself.
-- Used by: the drill, to copy the ledger's protections.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
),
things (class, oid) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, oid FROM relations
    UNION ALL
    SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid
    FROM pg_catalog.pg_trigger t JOIN relations r ON t.tgrelid = r.oid
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, d.oid
    FROM pg_catalog.pg_attrdef d JOIN relations r ON d.adrelid = r.oid
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid
    FROM pg_catalog.pg_constraint c JOIN relations r ON c.conrelid = r.oid
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid
    FROM pg_catalog.pg_policy p JOIN relations r ON p.polrelid = r.oid
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid
    FROM pg_catalog.pg_index i JOIN relations r ON i.indrelid = r.oid
)
SELECT DISTINCT n.nspname::text AS schema,
       p.proname::text AS name,
       pg_catalog.pg_get_functiondef(p.oid) AS definition
FROM things t
JOIN pg_catalog.pg_depend d ON d.classid = t.class AND d.objid = t.oid
JOIN pg_catalog.pg_proc p ON d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.refobjid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname <> 'pg_catalog' AND p.prokind <> 'a'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')
ORDER BY 1, 2, 3
