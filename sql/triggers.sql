-- The triggers of the ledger and of its partitions and child tables; a relation without triggers has one row of NULLs.
-- PostgreSQL 12 marks the copies of a row trigger on partitions as internal, so constraint triggers are excluded by
-- tgconstraint, not by tgisinternal.
-- `may_have_row_triggers`: PostgreSQL 12 does not allow BEFORE row triggers on a partitioned table.
-- `is_partition`: the relation is the ledger or a partition of it, not a child table. `function_is_own`: nothing else
-- uses the function: no trigger on another table, no trigger on INSERT, no extension.
-- Used by: append_only, the repair, profile infer.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
)
SELECT c.oid::bigint AS oid,
       n.nspname || '.' || c.relname AS relation,
       n.nspname AS schema,
       c.relname AS table,
       c.relkind = 'p' AS is_partitioned,
       c.relkind <> 'p' OR pg_catalog.current_setting('server_version_num')::int >= 130000 AS may_have_row_triggers,
       c.oid = %(table)s OR c.relispartition AS is_partition,
       (SELECT i.inhparent::bigint FROM pg_catalog.pg_inherits i
        WHERE i.inhrelid = c.oid AND c.relispartition AND c.oid <> %(table)s) AS parent,
       t.tgname AS name,
       t.tgtype::int AS type,
       t.tgenabled::text AS enabled,
       t.tgqual IS NOT NULL AS has_when,
       coalesce(pg_catalog.array_length(t.tgattr::int2[], 1), 0) > 0 AS has_columns,
       fn.nspname || '.' || p.proname AS function,
       fn.nspname AS function_schema,
       p.proname AS function_name,
       NOT EXISTS (SELECT FROM pg_catalog.pg_trigger u
                   JOIN pg_catalog.pg_class o ON o.oid = u.tgrelid
                   WHERE u.tgfoid = p.oid
                     AND (u.tgtype & 4 <> 0
                          OR NOT (o.oid = %(table)s
                                  OR o.relispartition AND o.oid IN (SELECT oid FROM relations))))
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                           WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
                             AND d.deptype = 'e') AS function_is_own,
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
