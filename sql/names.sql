-- The names that a new object on the ledger cannot have: triggers and constraints of the ledger and of its partitions
-- and child tables, where PostgreSQL repeats it; and the relations in the ledger's schema.
-- Used by: the repair.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
)
SELECT 'trigger' AS what, t.tgname::text AS name, t.tgrelid::bigint AS relation
FROM pg_catalog.pg_trigger t
WHERE t.tgrelid IN (SELECT oid FROM relations)
UNION
SELECT 'constraint', c.conname::text, c.conrelid::bigint
FROM pg_catalog.pg_constraint c
WHERE c.conrelid IN (SELECT oid FROM relations)
UNION
SELECT 'relation', c.relname::text, c.oid::bigint
FROM pg_catalog.pg_class c
WHERE c.relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = %(table)s)
