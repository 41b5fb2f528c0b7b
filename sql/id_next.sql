-- The highest id of an entry, and the next value of the sequence.
-- Used by: the repair.
SELECT pg_catalog.max(l.id) AS highest,
       (SELECT s.last_value::numeric + CASE WHEN s.is_called THEN {increment} ELSE 0 END FROM {sequence} s) AS next
FROM {ledger} l
