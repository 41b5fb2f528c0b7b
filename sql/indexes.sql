-- The indexes of the ledger with their key columns in order, NULL for an expression. `is_complete`: the server can use
-- the index for every entry. Grouped by every column, because catalogs have primary keys only from PostgreSQL 14 on.
-- Used by: the repair.
SELECT x.relname AS name,
       i.indisprimary AS is_primary,
       i.indisvalid AND i.indisready AND i.indislive AND i.indpred IS NULL AS is_complete,
       pg_catalog.array_agg(a.attname::text ORDER BY k.position) AS columns
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
CROSS JOIN pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
WHERE i.indrelid = %(table)s AND k.position <= i.indnkeyatts
GROUP BY i.indexrelid, 1, 2, 3
