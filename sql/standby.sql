-- Whether this server is a standby, whether its replay is paused, and how many seconds it is behind: since the last
-- transaction that it replayed, or 0 if it is connected and has replayed all that it received.
-- Used by: opening a snapshot.
SELECT pg_catalog.pg_is_wal_replay_paused() AS paused,
       CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_get_wal_receiver() r WHERE r.pid IS NOT NULL)
             AND pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn()
            THEN 0
            ELSE extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())::float8
       END AS behind_s
WHERE pg_catalog.pg_is_in_recovery()
