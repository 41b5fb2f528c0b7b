-- The first entries that a constraint would not let in, each with how many there are of them.
-- Used by: the repair, before it plans to restore a constraint.
SELECT {number} AS number, pg_catalog.count(*) OVER () AS total
FROM {ledger}
WHERE {violation}
ORDER BY 1
LIMIT 5
