-- Stops the connections that share a scan, when the run is interrupted. They belong to this role, so it may.
-- Used by: the scan.
SELECT pg_catalog.pg_cancel_backend(pid)
FROM pg_catalog.pg_stat_activity
WHERE application_name = %(name)s AND pid <> pg_catalog.pg_backend_pid()
