-- What the ledger and its partitions are partitioned by: a column, or NULL for an expression.
-- Used by: the repair, because a key of a partitioned table has to include these columns.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
)
SELECT p.partrelid = %(table)s AS is_ledger,
       a.attname::text AS column
FROM relations r
JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = r.oid
CROSS JOIN pg_catalog.unnest(p.partattrs::int2[]) WITH ORDINALITY AS k (attnum, position)
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.attnum AND k.attnum <> 0
ORDER BY is_ledger DESC, r.oid, k.position
