-- The first entries whose key another one has, too, one of each key; each with how many such keys there are.
-- Used by: the repair, before it plans to restore a key.
SELECT pg_catalog.min({number}) AS number, pg_catalog.count(*) OVER () AS total
FROM {ledger}
WHERE {present}
GROUP BY {key}
HAVING pg_catalog.count(*) > 1
ORDER BY 1
LIMIT 5
