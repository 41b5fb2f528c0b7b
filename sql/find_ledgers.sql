-- Tables that have a ledger's columns, to suggest one if the given name does not exist.
-- Used by: opening a snapshot.
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND (SELECT count(*) FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = c.oid AND a.attname::text = ANY (%(columns)s)) = pg_catalog.cardinality(%(columns)s)
ORDER BY 1
LIMIT 5
