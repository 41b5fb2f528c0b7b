-- Tried only with `probe: true`, in a transaction that is always rolled back; changes no value.
-- Used by: append_only.
UPDATE {ledger} SET verdict = verdict WHERE sequence_number = (SELECT min(sequence_number) FROM {ledger})
