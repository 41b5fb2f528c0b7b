-- What demo:tampered does to the sample ledger: one verdict changed, five entries deleted, one trigger left disabled.
ALTER TABLE ledger_entries DISABLE TRIGGER USER;
UPDATE ledger_entries SET verdict = 'CLEAR'
 WHERE sequence_number = (SELECT min(sequence_number) FROM ledger_entries
                           WHERE verdict = 'FLAG' AND sequence_number > 1200);
DELETE FROM ledger_entries WHERE sequence_number BETWEEN 2817 AND 2821;
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_refuse_delete,
                           ENABLE ALWAYS TRIGGER ledger_refuse_truncate;
