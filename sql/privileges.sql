-- The roles that may change entries: the owner; every role that holds UPDATE (also on one column), DELETE or TRUNCATE,
-- itself or as a member of another role, whether it inherits or has to SET ROLE; and PUBLIC, which is everybody.
-- Partitions and child tables have their own owner and grants, and who may change one may change entries. Superusers
-- may do everything and are only counted. Built-in roles are left out; their members are found by membership.
-- `appends`: the role was granted INSERT, itself or as a member of a role that was. `member_of`: the owners, and
-- pg_write_all_data (PostgreSQL 14), that it is a member of.
-- Used by: append_only.
WITH RECURSIVE relations (oid) AS (
    SELECT %(table)s::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN relations r ON i.inhparent = r.oid
),
parts AS (
    SELECT c.oid, c.relowner, c.relacl FROM pg_catalog.pg_class c JOIN relations r ON r.oid = c.oid
),
holders AS (
    SELECT r.oid,
           bool_or(p.relowner = r.oid) AS may_own,
           bool_or(pg_catalog.has_any_column_privilege(r.oid, p.oid, 'UPDATE')) AS may_update,
           bool_or(pg_catalog.has_table_privilege(r.oid, p.oid, 'DELETE')) AS may_delete,
           bool_or(pg_catalog.has_table_privilege(r.oid, p.oid, 'TRUNCATE')) AS may_truncate
    FROM pg_catalog.pg_roles r CROSS JOIN parts p
    GROUP BY r.oid
),
inserters AS (
    SELECT a.grantee
    FROM parts p CROSS JOIN pg_catalog.aclexplode(p.relacl) a
    WHERE a.privilege_type = 'INSERT' AND a.grantee <> p.relowner
    UNION
    SELECT a.grantee
    FROM parts p
    JOIN pg_catalog.pg_attribute c ON c.attrelid = p.oid AND NOT c.attisdropped
    CROSS JOIN pg_catalog.aclexplode(c.attacl) a
    WHERE a.privilege_type = 'INSERT' AND a.grantee <> p.relowner
),
everybody AS (
    SELECT a.privilege_type
    FROM parts p
    CROSS JOIN pg_catalog.aclexplode(p.relacl) a
    WHERE a.grantee = 0
    UNION
    SELECT a.privilege_type
    FROM parts p
    JOIN pg_catalog.pg_attribute c ON c.attrelid = p.oid AND NOT c.attisdropped
    CROSS JOIN pg_catalog.aclexplode(c.attacl) a
    WHERE a.grantee = 0
)
SELECT r.rolname AS role,
       r.rolsuper AS superuser,
       t.relowner = r.oid AS owner,
       bool_or(h.may_own) AS may_own,
       bool_or(h.may_update) AS may_update,
       bool_or(h.may_delete) AS may_delete,
       bool_or(h.may_truncate) AS may_truncate,
       EXISTS (SELECT FROM inserters i
               WHERE i.grantee = 0 OR pg_catalog.pg_has_role(r.oid, i.grantee, 'MEMBER')) AS appends,
       (SELECT pg_catalog.array_agg(DISTINCT g.rolname::text ORDER BY g.rolname::text)
        FROM pg_catalog.pg_roles g
        WHERE g.oid <> r.oid AND pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER')
          AND (g.rolname = 'pg_write_all_data' OR g.oid IN (SELECT relowner FROM parts))) AS member_of
FROM pg_catalog.pg_roles r
JOIN pg_catalog.pg_class t ON t.oid = %(table)s
JOIN holders h ON pg_catalog.pg_has_role(r.oid, h.oid, 'MEMBER')
WHERE r.rolsuper OR pg_catalog.left(r.rolname, 3) <> 'pg_'
GROUP BY r.rolname, r.rolsuper, r.oid, t.relowner
UNION ALL
SELECT 'PUBLIC', false, false, false,
       EXISTS (SELECT FROM everybody WHERE privilege_type = 'UPDATE'),
       EXISTS (SELECT FROM everybody WHERE privilege_type = 'DELETE'),
       EXISTS (SELECT FROM everybody WHERE privilege_type = 'TRUNCATE'),
       false, NULL
WHERE EXISTS (SELECT FROM everybody WHERE privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE'))
ORDER BY role
