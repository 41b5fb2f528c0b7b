-- Tried only with `probe: true`, in a transaction that is always rolled back.
-- Used by: append_only.
DELETE FROM {ledger} WHERE sequence_number = (SELECT min(sequence_number) FROM {ledger})
