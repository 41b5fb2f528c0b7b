-- Whether this role may do what the probe tries: without the right, the server refuses before it reaches any trigger.
-- Used by: append_only.
SELECT pg_catalog.quote_ident(current_user) AS role,
       pg_catalog.has_column_privilege(%(table)s, 'verdict', 'UPDATE') AS "UPDATE",
       pg_catalog.has_table_privilege(%(table)s, 'DELETE') AS "DELETE"
