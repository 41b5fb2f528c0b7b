-- The columns of the ledger. The type of a domain is the one below it, with the domain's name.
-- One folds values if the server takes some for the same whose texts differ: those of a collation that is not
-- deterministic, and of types such as jsonb (1 and 1.0), interval (1 day and 24:00:00) and double precision (0 and -0).
-- Used by: opening a snapshot, table_guard.
WITH RECURSIVE typed AS (
    SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = %(table)s AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT d.attnum, t.typbasetype, t.typtypmod
    FROM typed d
    JOIN pg_catalog.pg_type t ON t.oid = d.type AND t.typtype = 'd'
)
SELECT a.attname AS name,
       pg_catalog.format_type(d.type, d.modifier) AS type,
       CASE WHEN d.type <> a.atttypid THEN pg_catalog.format_type(a.atttypid, a.atttypmod) ELSE '' END AS domain,
       a.attnotnull AS not_null,
       NOT coalesce(c.collisdeterministic, true) OR d.type::pg_catalog.regtype::text = ANY (ARRAY[
           'jsonb', 'jsonb[]', 'interval', 'interval[]', 'double precision', 'double precision[]', 'real', 'real[]',
           'numeric[]', 'numrange']) AS folds
FROM pg_catalog.pg_attribute a
JOIN typed d ON d.attnum = a.attnum
JOIN pg_catalog.pg_type t ON t.oid = d.type AND t.typtype <> 'd'
LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = %(table)s
ORDER BY a.attnum
