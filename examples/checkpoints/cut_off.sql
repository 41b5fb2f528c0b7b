-- An administrator makes the last twenty decisions unmade; what is left is a chain without a fault.
BEGIN;
ALTER TABLE ledger_entries DISABLE TRIGGER USER;
DELETE FROM ledger_entries WHERE sequence_number > 80;
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_refuse_update;
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_refuse_delete;
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_refuse_truncate;
COMMIT;
