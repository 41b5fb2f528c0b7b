-- The columns that a row can be given, which excludes generated ones.
-- Used by: the drill, to copy and to change entries.
SELECT attname AS name, pg_catalog.format_type(atttypid, atttypmod) AS type
FROM pg_catalog.pg_attribute
WHERE attrelid = %(table)s AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
