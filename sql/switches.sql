-- Columns of the catalog that the server trusts instead of the objects they summarise, where the two disagree. Planner and
-- executor look at relhastriggers, and not at pg_trigger, to see whether there is a trigger to fire. A switch that is on
-- without an object is usual after a DROP, until VACUUM; one that is off although there is an object is nobody's doing but a
-- superuser's (PostgreSQL documentation, chapter System Catalogs).
-- Used by: table_guard.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
),
relation AS (
    SELECT c.*, n.nspname || '.' || c.relname AS name
    FROM relations r
    JOIN pg_catalog.pg_class c ON c.oid = r.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
),
trigger AS (
    SELECT t.*, c.name, c.relispartition
    FROM pg_catalog.pg_trigger t JOIN relation c ON c.oid = t.tgrelid
)
SELECT name AS object, 'relhastriggers' AS switch, 'false' AS stored, 'it has triggers' AS actual
FROM relation c
WHERE NOT relhastriggers AND EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid)
UNION ALL
SELECT name, 'relhasindex', 'false', 'it has indexes'
FROM relation c
WHERE NOT relhasindex AND EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid)
UNION ALL
SELECT name, 'relhasrules', 'false', 'it has rules'
FROM relation c
WHERE NOT relhasrules AND EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid)
UNION ALL
SELECT name, 'relhassubclass', 'false', 'it has partitions or child tables'
FROM relation c
WHERE NOT relhassubclass AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)
UNION ALL
SELECT name, 'relispartition', relispartition::text, CASE WHEN relispartition THEN 'it has no bound' ELSE 'it has a bound' END
FROM relation
WHERE relispartition <> (relpartbound IS NOT NULL)
UNION ALL
SELECT name, 'relchecks', relchecks::text, pg_catalog.format('it has %%s CHECK constraints', k.number)
FROM relation c
CROSS JOIN LATERAL (SELECT count(*) AS number FROM pg_catalog.pg_constraint k
                    WHERE k.conrelid = c.oid AND k.contype = 'c') k
WHERE relchecks <> k.number
UNION ALL
SELECT name, 'relnatts', relnatts::text, pg_catalog.format('it has %%s columns', a.number)
FROM relation c
CROSS JOIN LATERAL (SELECT count(*) AS number FROM pg_catalog.pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attnum > 0) a
WHERE relnatts <> a.number
UNION ALL
SELECT c.name || '.' || a.attname, 'attisdropped', 'true', 'it has a type, which a dropped column has not'
FROM relation c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE a.attisdropped AND a.atttypid <> 0
UNION ALL
SELECT c.name || '.' || a.attname, 'attlen, attbyval, attalign',
       pg_catalog.format('%%s, %%s, %%s', a.attlen, a.attbyval, a.attalign),
       pg_catalog.format('its type has %%s, %%s, %%s', t.typlen, t.typbyval, t.typalign)
FROM relation c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE (a.attlen, a.attbyval, a.attalign) <> (t.typlen, t.typbyval, t.typalign)
UNION ALL
SELECT c.name || '.' || a.attname, 'attnotnull', 'false', 'it is in the primary key'
FROM relation c
JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
WHERE NOT a.attnotnull
UNION ALL
SELECT pg_catalog.format('%%s of %%s', x.relname, c.name), 'indisunique, indisprimary, indimmediate',
       pg_catalog.format('%%s, %%s, %%s', i.indisunique, i.indisprimary, i.indimmediate),
       pg_catalog.format('its constraint needs true, %%s, %%s', k.contype = 'p', NOT k.condeferrable)
FROM relation c
JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u')
JOIN pg_catalog.pg_index i ON i.indexrelid = k.conindid
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
WHERE (i.indisunique, i.indisprimary, i.indimmediate) <> (true, k.contype = 'p', NOT k.condeferrable)
UNION ALL
SELECT pg_catalog.format('trigger %%s of %%s', tgname, name), 'tgisinternal', 'true', 'it belongs to no constraint'
FROM trigger t
WHERE tgisinternal AND tgconstraint = 0
  AND NOT relispartition AND coalesce((pg_catalog.to_jsonb(t) ->> 'tgparentid')::bigint, 0) = 0
UNION ALL
-- a constraint has only triggers after a row, and only these constraints have any; all others are looked at by their name
SELECT pg_catalog.format('trigger %%s of %%s', tgname, name), 'tgconstraint', tgconstraint::text,
       'it belongs to no constraint'
FROM trigger t
WHERE tgconstraint <> 0
  AND (tgtype & 66 <> 0  -- BEFORE or INSTEAD OF
       OR NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
                      WHERE k.oid = t.tgconstraint AND k.contype IN ('t', 'f', 'p', 'u', 'x')))
UNION ALL
SELECT pg_catalog.format('trigger %%s of %%s', tgname, name), 'tgdeferrable', 'true', 'it is not a constraint trigger'
FROM trigger
WHERE tgconstraint = 0 AND tgdeferrable
UNION ALL
SELECT DISTINCT 'language plpgsql', 'lanplcallfoid', pg_catalog.format('%%s in %%s', h.prosrc, h.probin),
                'the handler of plpgsql is plpgsql_call_handler in $libdir/plpgsql'
FROM trigger t
JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
LEFT JOIN pg_catalog.pg_proc h ON h.oid = l.lanplcallfoid
WHERE (h.prosrc, h.probin) IS DISTINCT FROM ('plpgsql_call_handler', '$libdir/plpgsql')
ORDER BY 1, 2
