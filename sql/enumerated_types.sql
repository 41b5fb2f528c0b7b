-- The enumerated types of the ledger's columns, and the statements that create them.
-- Used by: the drill, to copy the ledger's table.
SELECT n.nspname::text AS schema,
       t.typname::text AS name,
       pg_catalog.format(
           'CREATE TYPE %%I.%%I AS ENUM (%%s)', n.nspname, t.typname,
           pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
       ) AS definition
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
JOIN pg_catalog.pg_enum e ON e.enumtypid = t.oid
WHERE t.oid IN (SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = %(table)s AND NOT attisdropped)
GROUP BY n.nspname, t.typname
ORDER BY 1, 2
