-- Ends the sessions of the readers of a scan, also that of a frozen process. They have the same role. A session that is
-- idle belongs to a pooler, which keeps the name of whoever used it last.
-- Used by: Ctrl-C, and the end of a scan by several processes.
SELECT pg_catalog.pg_terminate_backend(pid)
FROM pg_catalog.pg_stat_activity
WHERE application_name = %(name)s AND state <> 'idle'
