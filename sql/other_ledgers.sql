-- Other relations of this database that have a ledger's columns: a copy, an older table, or the genuine one that another has
-- taken the place of. `readable` tells whether this role may count the entries of a table.
-- Used by: table_guard.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
)
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END
           AS kind,
       c.relkind IN ('r', 'p') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
           AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND c.oid NOT IN (SELECT oid FROM relations)
  AND c.relpersistence <> 't'
  AND (SELECT count(*) FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = c.oid AND a.attname::text = ANY (%(columns)s)) = pg_catalog.cardinality(%(columns)s)
ORDER BY 1
LIMIT 20
