-- The roles that may change entries: the owner, and whoever holds UPDATE (also of one column), DELETE or TRUNCATE, itself
-- or as a member of a role that does, whether it inherits or has to SET ROLE first; and PUBLIC, which is everybody.
-- Superusers may do anything and are only counted; built-in roles are left out, their members are found by membership.
-- Used by: append_only.
WITH ledger AS (
    SELECT * FROM pg_catalog.pg_class WHERE oid = %(table)s
),
holders AS (
    SELECT r.oid,
           l.relowner = r.oid AS may_own,
           pg_catalog.has_any_column_privilege(r.oid, l.oid, 'UPDATE') AS may_update,
           pg_catalog.has_table_privilege(r.oid, l.oid, 'DELETE') AS may_delete,
           pg_catalog.has_table_privilege(r.oid, l.oid, 'TRUNCATE') AS may_truncate
    FROM pg_catalog.pg_roles r CROSS JOIN ledger l
),
everybody AS (
    SELECT a.privilege_type
    FROM ledger l
    CROSS JOIN pg_catalog.aclexplode(l.relacl) a
    WHERE a.grantee = 0
    UNION
    SELECT a.privilege_type
    FROM ledger l
    JOIN pg_catalog.pg_attribute c ON c.attrelid = l.oid AND NOT c.attisdropped
    CROSS JOIN pg_catalog.aclexplode(c.attacl) a
    WHERE a.grantee = 0
)
SELECT r.rolname AS role,
       r.rolsuper AS superuser,
       l.relowner = r.oid AS owner,
       bool_or(h.may_own) AS may_own,
       bool_or(h.may_update) AS may_update,
       bool_or(h.may_delete) AS may_delete,
       bool_or(h.may_truncate) AS may_truncate
FROM pg_catalog.pg_roles r
CROSS JOIN ledger l
JOIN holders h ON pg_catalog.pg_has_role(r.oid, h.oid, 'MEMBER')
WHERE r.rolsuper OR pg_catalog.left(r.rolname, 3) <> 'pg_'
GROUP BY r.rolname, r.rolsuper, r.oid, l.relowner
UNION ALL
SELECT 'PUBLIC', false, false, false,
       EXISTS (SELECT FROM everybody WHERE privilege_type = 'UPDATE'),
       EXISTS (SELECT FROM everybody WHERE privilege_type = 'DELETE'),
       EXISTS (SELECT FROM everybody WHERE privilege_type = 'TRUNCATE')
WHERE EXISTS (SELECT FROM everybody WHERE privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE'))
ORDER BY role
