-- The functions without parameters in the ledger's schema with a name like ours, which refuses changes.
-- `is_trigger`: a trigger function in PL/pgSQL. `is_own`: like `function_is_own` in triggers.sql.
-- Used by: the repair.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid
    FROM pg_catalog.pg_inherits i
    JOIN relations r ON i.inhparent = r.oid
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition
)
SELECT p.proname AS name,
       p.prokind = 'f' AND l.lanname = 'plpgsql'
           AND p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype AS is_trigger,
       NOT EXISTS (SELECT FROM pg_catalog.pg_trigger u
                   WHERE u.tgfoid = p.oid AND (u.tgtype & 4 <> 0 OR u.tgrelid NOT IN (SELECT oid FROM relations)))
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                           WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
                             AND d.deptype = 'e') AS is_own,
       p.prosrc AS body
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = %(table)s)
  AND p.pronargs = 0
  AND pg_catalog.starts_with(p.proname::text, %(name)s)
