-- The server's version, its clock at the start of the snapshot, the name of the snapshot, and when the server started,
-- which tells it from its replicas.
-- Used by: opening a snapshot.
SELECT pg_catalog.current_setting('server_version') AS server_version,
       pg_catalog.to_char(pg_catalog.now(), 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS server_time,
       pg_catalog.txid_current_snapshot()::text AS snapshot,
       pg_catalog.pg_postmaster_start_time()::text AS server_started
