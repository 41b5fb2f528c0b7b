-- Pins, for the transaction of one snapshot, what would change an answer. Limits are in milliseconds.
-- Used by: opening a snapshot.
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 1;
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL search_path = '';
SET LOCAL row_security = off;
SET LOCAL quote_all_identifiers = off;
SET LOCAL statement_timeout = {timeout};
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL idle_in_transaction_session_timeout = {idle_timeout};
SET LOCAL tcp_keepalives_idle = 60;
SET LOCAL tcp_keepalives_interval = 10;
SET LOCAL tcp_keepalives_count = 6;
SELECT pg_catalog.set_config('client_connection_check_interval', {client_check}, true)  -- PostgreSQL 14 and later
 WHERE pg_catalog.current_setting('client_connection_check_interval', true) IS NOT NULL
   AND pg_catalog.version() ~ 'linux';
SELECT pg_catalog.set_config('transaction_timeout', '0', true)  -- PostgreSQL 17 and later
 WHERE pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL;
SET LOCAL jit = off;
-- A constraint that is not true, or a partition's bound, must not tell the planner what it need not read.
SET LOCAL constraint_exclusion = off;
SET LOCAL enable_partition_pruning = off;
-- An index on the sequence number streams the entries; a sort would first write all of them to disk.
SET LOCAL enable_sort = off;
