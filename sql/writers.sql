-- What the database itself knows of the programs that write a table: the functions that its triggers call or that name
-- it, and the time zone of a session of this role, as the statement that sets it.
-- Used by: profile infer.
SELECT p.prosrc AS source
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
JOIN pg_catalog.pg_class c ON c.oid = %(table)s
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND l.lanname NOT IN ('c', 'internal')
  AND (EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgfoid = p.oid)
       OR p.prosrc OPERATOR(pg_catalog.~) ('\m' || pg_catalog.regexp_replace(c.relname, '(\W)', '\\\1', 'g') || '\M'))
UNION ALL
SELECT 'SET TimeZone = ' || pg_catalog.quote_literal(s.reset_val)
FROM pg_catalog.pg_settings s
WHERE s.name = 'TimeZone'
