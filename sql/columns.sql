-- The columns of the ledger. The type of a domain is the one below it, with the domain's name.
-- One whose collation is not deterministic folds texts: the server takes some that differ for the same.
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
       NOT coalesce(c.collisdeterministic, true) AS folds
FROM pg_catalog.pg_attribute a
JOIN typed d ON d.attnum = a.attnum
JOIN pg_catalog.pg_type t ON t.oid = d.type AND t.typtype <> 'd'
LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = %(table)s
ORDER BY a.attnum
