-- The unique indexes that the server enforces now, over plain columns and without a condition, and the columns of each.
-- Used by: table_guard, and the scan, to know whether the order by sequence number needs a tie-break.
SELECT i.indisprimary AS is_primary,
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.position)
        FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.position <= i.indnkeyatts) AS columns
FROM pg_catalog.pg_index i
WHERE i.indrelid = %(table)s
  AND i.indisunique AND i.indisvalid AND i.indisready AND i.indislive
  AND i.indpred IS NULL AND i.indexprs IS NULL
