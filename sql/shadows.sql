-- Relations of other schemas that have the ledger's name, each with every setting of search_path that may decide which one
-- a name without a schema means: those of this database and of all, for one role or for all (`role` is empty), and the
-- default of PostgreSQL, as it applies to a role that has the name of the relation's schema. `given` says whether somebody
-- set it, and `user` is what "$user" stands for.
-- Used by: table_guard.
WITH ledger AS (
    SELECT c.oid, c.relname, n.nspname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = %(table)s
),
setting AS (
    SELECT coalesce(r.rolname::text, '') AS role,
           s.setdatabase <> 0 AS in_database,
           pg_catalog.substr(c, pg_catalog.length('search_path=') + 1) AS path
    FROM pg_catalog.pg_db_role_setting s
    CROSS JOIN pg_catalog.unnest(s.setconfig) c
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
      AND pg_catalog.starts_with(c, 'search_path=')
),
shadow AS (
    SELECT n.nspname::text AS schema, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN ledger l ON l.relname = c.relname AND l.oid <> c.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
)
SELECT l.nspname::text AS own_schema, h.schema, h.name, s.role, s.in_database, s.path, true AS given,
       coalesce(nullif(s.role, ''), (SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = h.schema), '') AS "user"
FROM shadow h CROSS JOIN ledger l CROSS JOIN setting s
UNION ALL
SELECT l.nspname::text, h.schema, h.name, r.rolname::text, false, '"$user", public', false, r.rolname::text
FROM shadow h CROSS JOIN ledger l JOIN pg_catalog.pg_roles r ON r.rolname = h.schema
WHERE NOT EXISTS (SELECT FROM setting s WHERE s.role IN ('', r.rolname))
ORDER BY 3, 4, 5
