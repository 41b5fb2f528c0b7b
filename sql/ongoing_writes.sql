-- The transactions that hold the lock of a writer on the ledger or a partition of it: their ids within the server.
-- Used by: making a checkpoint of a ledger with streams, to wait for entries that got their order before others.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
)
SELECT DISTINCT l.virtualtransaction AS transaction
FROM pg_catalog.pg_locks l
JOIN relations r ON r.oid = l.relation
JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
WHERE l.locktype = 'relation'
  AND l.mode = 'RowExclusiveLock'
  AND l.granted
