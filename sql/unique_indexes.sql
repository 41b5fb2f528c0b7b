-- The unique indexes that the server enforces, over plain columns and without a condition: the columns of each, and
-- those of them that are not a partition key, which every key of a partitioned table has to include.
-- Used by: table_guard, and the scan, to decide whether the order by sequence number needs a tie-break.
SELECT i.indisprimary AS is_primary,
       pg_catalog.array_agg(a.attname::text ORDER BY k.position) AS columns,
       coalesce(pg_catalog.array_agg(a.attname::text ORDER BY k.position)
                    FILTER (WHERE p.partattrs IS NULL OR a.attnum <> ALL (p.partattrs::int2[])),
                pg_catalog.array_agg(a.attname::text ORDER BY k.position)) AS essential
FROM pg_catalog.pg_index i
CROSS JOIN pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = i.indrelid
WHERE i.indrelid = %(table)s
  AND k.position <= i.indnkeyatts
  AND i.indisunique AND i.indisvalid AND i.indisready AND i.indislive
  AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indexrelid, i.indisprimary
