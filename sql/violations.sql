-- The first entries that violate a constraint, and the number of all such entries.
-- Used by: the repair, before it plans to restore a constraint.
SELECT {number} AS number, pg_catalog.count(*) OVER () AS total
FROM {ledger}
WHERE {violation}
ORDER BY 1
LIMIT 5
