-- The first entries with a key that another entry also has, one entry per key, and the number of such keys.
-- Used by: the repair, before it plans to restore a key.
SELECT pg_catalog.min({number}) AS number, pg_catalog.count(*) OVER () AS total
FROM {ledger}
WHERE {present}
GROUP BY {key}
HAVING pg_catalog.count(*) > 1
ORDER BY 1
LIMIT 5
