-- The server's version, its clock at the start of the snapshot, and the name of the snapshot.
-- Used by: opening a snapshot.
SELECT pg_catalog.current_setting('server_version') AS server_version,
       pg_catalog.to_char(pg_catalog.now(), 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS server_time,
       pg_catalog.txid_current_snapshot()::text AS snapshot
