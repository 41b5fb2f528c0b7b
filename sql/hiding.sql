-- What could show other rows than the table holds: row-level security, rewrite rules, child tables that are not
-- partitions, partitions that are not tables, generated columns; and the relations (the table or a partition) that a
-- server crash would empty. Row-level security and rules of a partition have no effect on readers of the ledger.
-- Used by: table_guard.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
)
SELECT c.relrowsecurity AS row_security,
       (SELECT pg_catalog.array_agg(n.nspname || '.' || part.relname ORDER BY n.nspname, part.relname)
        FROM relations r
        JOIN pg_catalog.pg_class part ON part.oid = r.oid AND part.relpersistence = 'u'
        JOIN pg_catalog.pg_namespace n ON n.oid = part.relnamespace) AS unlogged,
       (SELECT pg_catalog.array_agg(n.nspname || '.' || part.relname ORDER BY n.nspname, part.relname)
        FROM relations r
        JOIN pg_catalog.pg_class part ON part.oid = r.oid AND part.relkind NOT IN ('r', 'p') AND part.oid <> %(table)s
        JOIN pg_catalog.pg_namespace n ON n.oid = part.relnamespace) AS foreign_parts,
       (SELECT pg_catalog.array_agg(DISTINCT a.attname::text)
        FROM relations r
        JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attgenerated <> '' AND NOT a.attisdropped) AS generated,
       (SELECT pg_catalog.array_agg(p.polname::text ORDER BY p.polname)
        FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid) AS policies,
       (SELECT pg_catalog.array_agg(r.rulename::text ORDER BY r.rulename)
        FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND c.relkind IN ('r', 'p')) AS rules,
       (SELECT pg_catalog.array_agg(n.nspname || '.' || child.relname ORDER BY child.relname)
        FROM pg_catalog.pg_inherits i
        JOIN pg_catalog.pg_class child ON child.oid = i.inhrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = child.relnamespace
        WHERE i.inhparent = c.oid AND c.relkind = 'r') AS children
FROM pg_catalog.pg_class c
WHERE c.oid = %(table)s
