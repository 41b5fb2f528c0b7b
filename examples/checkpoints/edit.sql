-- An administrator changes one old decision, and leaves everything else as it was.
BEGIN;
ALTER TABLE ledger_entries DISABLE TRIGGER USER;
UPDATE ledger_entries SET reasoning = 'nothing to see' WHERE sequence_number = 7;
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_refuse_update;
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_refuse_delete;
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_refuse_truncate;
COMMIT;
