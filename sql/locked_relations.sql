-- The relations that this session has locked in its transaction, and so perhaps read, besides the ledger, its partitions
-- and child tables, their indexes and the system catalogs.
-- Used by: reading entries, to refuse what was not read from the ledger alone.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
)
SELECT n.nspname || '.' || c.relname AS name
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation  -- one that is newer than the snapshot is a change of the definition
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_catalog.pg_backend_pid()
  AND l.locktype = 'relation'
  AND l.relation >= 16384  -- FirstNormalObjectId: below it is the catalog's own
  AND l.relation NOT IN (SELECT oid FROM relations)
  AND l.relation NOT IN (SELECT i.indexrelid FROM pg_catalog.pg_index i JOIN relations r ON i.indrelid = r.oid)
ORDER BY 1
