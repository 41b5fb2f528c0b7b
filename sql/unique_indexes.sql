-- The unique indexes over columns: the columns of each, and those of them that are not a partition key, which every key
-- of a partitioned table has to include. `is_enforced`: for every entry, over these columns alone. Grouped by every
-- column, because catalogs have primary keys only from PostgreSQL 14 on.
-- Used by: table_guard; the scan, to decide whether the order by sequence number needs a tie-break; the drill.
SELECT n.nspname AS schema,
       x.relname AS index,
       c.conname AS constraint,
       i.indisprimary AS is_primary,
       i.indisvalid AND i.indisready AND i.indislive AND i.indpred IS NULL AND i.indexprs IS NULL AS is_enforced,
       pg_catalog.array_agg(a.attname::text ORDER BY k.position) AS columns,
       coalesce(pg_catalog.array_agg(a.attname::text ORDER BY k.position)
                    FILTER (WHERE p.partattrs IS NULL OR a.attnum <> ALL (p.partattrs::int2[])),
                pg_catalog.array_agg(a.attname::text ORDER BY k.position)) AS essential
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
CROSS JOIN pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = i.indrelid
LEFT JOIN pg_catalog.pg_constraint c
    ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u')
WHERE i.indrelid = %(table)s AND i.indisunique AND k.position <= i.indnkeyatts
GROUP BY i.indexrelid, 1, 2, 3, 4, 5
ORDER BY x.relname
