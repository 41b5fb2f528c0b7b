-- Cancels the other connections of an interrupted run. They have the same role, so this needs no further privilege.
-- Used by: Ctrl-C.
SELECT pg_catalog.pg_cancel_backend(pid)
FROM pg_catalog.pg_stat_activity
WHERE application_name = %(name)s AND pid <> pg_catalog.pg_backend_pid()
