-- Everything that protects the ledger: the table itself, its owner, columns, constraints, indexes, triggers and the
-- functions they call, policies, rules, child tables, partitions and grants. NOT NULL is part of its column, because only
-- PostgreSQL 18 and newer have a constraint for it. Identity is the table's oid, its schema, and the version (xmin) of its
-- row in the catalog, which every ALTER, GRANT and move to another schema changes, and VACUUM FULL as well. Switches are
-- what the server trusts instead of the objects.
-- Used by: checkpoint_guards, making a checkpoint, and every run, to see whether the table changed meanwhile.
WITH RECURSIVE ledger AS (
    SELECT *, xmin AS version FROM pg_catalog.pg_class WHERE oid = %(table)s
),
parts (oid) AS (
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = %(table)s
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN parts p ON i.inhparent = p.oid
),
partition AS (
    SELECT c.*, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM parts p
    JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relispartition
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
),
called AS (
    SELECT DISTINCT t.tgfoid AS oid FROM pg_catalog.pg_trigger t JOIN ledger l ON l.oid = t.tgrelid WHERE NOT t.tgisinternal
),
granted AS (
    SELECT 'table' AS what, a.*
    FROM ledger l
    CROSS JOIN pg_catalog.aclexplode(coalesce(l.relacl, pg_catalog.acldefault('r', l.relowner))) a
    UNION ALL
    SELECT 'column ' || c.attname, a.*
    FROM ledger l
    JOIN pg_catalog.pg_attribute c ON c.attrelid = l.oid AND NOT c.attisdropped
    CROSS JOIN pg_catalog.aclexplode(c.attacl) a
)
SELECT 'table' AS guard,
       pg_catalog.format('kind %%s, persistence %%s, row security %%s, forced %%s',
                         relkind, relpersistence, relrowsecurity, relforcerowsecurity) AS definition
FROM ledger
UNION ALL
SELECT 'identity', pg_catalog.format('oid %%s, schema %%s, version %%s', l.oid, n.nspname, l.version)
FROM ledger l JOIN pg_catalog.pg_namespace n ON n.oid = l.relnamespace
UNION ALL
SELECT 'switches',
       pg_catalog.format('indexes %%s, rules %%s, triggers %%s, children %%s, checks %%s, columns %%s',
                         relhasindex, relhasrules, relhastriggers, relhassubclass, relchecks, relnatts)
FROM ledger
UNION ALL
SELECT 'partition ' || name,
       pg_catalog.format('kind %%s, persistence %%s, owner %%s, triggers %%s, %%s', relkind, relpersistence,
                         pg_catalog.pg_get_userbyid(relowner), relhastriggers, pg_catalog.pg_get_expr(relpartbound, oid))
FROM partition
UNION ALL
SELECT pg_catalog.format('trigger %%s on %%s', t.tgname, p.name),
       pg_catalog.pg_get_triggerdef(t.oid) || ' (' || t.tgenabled::text || ')'
FROM partition p
JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.oid AND t.tgconstraint = 0
UNION ALL
SELECT pg_catalog.format('index %%s on %%s', x.relname, p.name),
       pg_catalog.pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' (not valid)' END
FROM partition p
JOIN pg_catalog.pg_index i ON i.indrelid = p.oid
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
UNION ALL
SELECT 'owner', pg_catalog.pg_get_userbyid(relowner) FROM ledger
UNION ALL
SELECT 'column ' || a.attname,
       pg_catalog.concat_ws(' ',
           pg_catalog.format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attcollation <> t.typcollation
                THEN 'COLLATE ' || (SELECT collname FROM pg_catalog.pg_collation WHERE oid = a.attcollation) END,
           CASE WHEN a.attnotnull THEN 'NOT NULL' END,
           CASE WHEN d.adbin IS NOT NULL THEN 'DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
           CASE WHEN a.attidentity <> '' THEN 'IDENTITY ' || a.attidentity::text END,
           CASE WHEN a.attgenerated <> '' THEN 'GENERATED ' || a.attgenerated::text END)
FROM ledger l
JOIN pg_catalog.pg_attribute a ON a.attrelid = l.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT 'constraint ' || c.conname,
       pg_catalog.pg_get_constraintdef(c.oid) || CASE WHEN c.convalidated THEN '' ELSE ' (not validated)' END
FROM ledger l
JOIN pg_catalog.pg_constraint c ON c.conrelid = l.oid AND c.contype NOT IN ('n', 't')
UNION ALL
SELECT 'index ' || x.relname,
       pg_catalog.pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' (not valid)' END
FROM ledger l
JOIN pg_catalog.pg_index i ON i.indrelid = l.oid
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
UNION ALL
SELECT 'trigger ' || t.tgname,
       pg_catalog.pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN '' WHEN 'A' THEN ' (always)'
                                              WHEN 'R' THEN ' (replica only)' ELSE ' (disabled)' END
FROM ledger l
JOIN pg_catalog.pg_trigger t ON t.tgrelid = l.oid AND NOT t.tgisinternal
UNION ALL
SELECT pg_catalog.format('function %%I.%%I(%%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)),
       pg_catalog.concat_ws(' ', g.lanname, pg_catalog.pg_get_userbyid(p.proowner),
           CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' END,
           pg_catalog.array_to_string(p.proconfig, ', ')) || ': ' || p.prosrc
FROM called c
JOIN pg_catalog.pg_proc p ON p.oid = c.oid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language g ON g.oid = p.prolang
UNION ALL
SELECT 'policy ' || p.polname,
       pg_catalog.concat_ws(' ',
           CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END, p.polcmd::text,
           'to ' || (SELECT pg_catalog.string_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(r) END, ', ' ORDER BY r)
                     FROM pg_catalog.unnest(p.polroles) r),
           'using ' || pg_catalog.pg_get_expr(p.polqual, p.polrelid),
           'check ' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
FROM ledger l
JOIN pg_catalog.pg_policy p ON p.polrelid = l.oid
UNION ALL
SELECT 'rule ' || r.rulename, pg_catalog.pg_get_ruledef(r.oid) || ' (' || r.ev_enabled::text || ')'
FROM ledger l
JOIN pg_catalog.pg_rewrite r ON r.ev_class = l.oid
UNION ALL
SELECT pg_catalog.format('child table %%I.%%I', n.nspname, c.relname), 'inherits'
FROM ledger l
JOIN pg_catalog.pg_inherits i ON i.inhparent = l.oid
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND NOT c.relispartition
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT pg_catalog.format('grant on %%s to %%s', what,
                         CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(grantee) END),
       pg_catalog.string_agg(privilege_type || CASE WHEN is_grantable THEN ' (may grant)' ELSE '' END, ', '
                             ORDER BY privilege_type, grantor)
FROM granted
GROUP BY what, grantee
ORDER BY 1
