-- The triggers on the ledger and on every partition or child table of it; a relation without any has one row of NULLs.
-- Copies of a row trigger on partitions are marked internal by PostgreSQL 12, so the constraint column tells them apart.
-- Used by: append_only.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
)
SELECT n.nspname || '.' || c.relname AS relation,
       t.tgname AS name,
       t.tgtype::int AS type,
       t.tgenabled::text AS enabled,
       t.tgqual IS NOT NULL AS has_when,
       coalesce(pg_catalog.array_length(t.tgattr::int2[], 1), 0) > 0 AS has_columns,
       fn.nspname || '.' || p.proname AS function,
       l.lanname AS language,
       p.prosrc AS body,
       pg_catalog.pg_get_triggerdef(t.oid) AS definition
FROM relations r
JOIN pg_catalog.pg_class c ON c.oid = r.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid AND t.tgconstraint = 0
LEFT JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = p.pronamespace
LEFT JOIN pg_catalog.pg_language l ON l.oid = p.prolang
ORDER BY c.oid <> %(table)s, relation, t.tgname
