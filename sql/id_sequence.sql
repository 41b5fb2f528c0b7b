-- The sequence that numbers the column id: that of its identity, the one in its default, or else the one that it owns.
-- Only if it counts upwards and this role may read it.
-- Used by: the repair, and the drill for its copy.
WITH used (oid) AS (
    SELECT p.objid
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_depend p ON p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = a.attrelid
                               AND p.refobjsubid = a.attnum AND p.deptype = 'i'
                               AND p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    WHERE a.attrelid = %(table)s AND a.attname = 'id' AND a.attidentity <> ''
    UNION
    SELECT s.oid
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid
                               AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    JOIN pg_catalog.pg_class s ON s.oid = p.refobjid AND s.relkind = 'S'
    WHERE a.attrelid = %(table)s AND a.attname = 'id'
)
SELECT n.nspname AS schema, c.relname AS name, s.seqincrement AS increment, s.seqmax AS highest
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
WHERE (c.oid IN (SELECT oid FROM used)
       OR NOT EXISTS (SELECT FROM used)
          AND c.oid = pg_catalog.pg_get_serial_sequence(
                  %(table)s::pg_catalog.regclass::text, 'id')::pg_catalog.regclass)
  AND s.seqincrement > 0 AND NOT s.seqcycle
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
