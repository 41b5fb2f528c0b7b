-- The sequence that numbers the column id, where the table has one that counts upwards and this role may read.
-- Used by: the repair.
SELECT n.nspname AS schema, c.relname AS name, s.seqincrement AS increment, s.seqmax AS highest
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
WHERE c.oid = pg_catalog.pg_get_serial_sequence(%(table)s::pg_catalog.regclass::text, 'id')::pg_catalog.regclass
  AND s.seqincrement > 0 AND NOT s.seqcycle
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
