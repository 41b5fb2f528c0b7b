-- Refuses UPDATE, DELETE and TRUNCATE. The triggers are ENABLE ALWAYS, so that session_replication_role = replica does
-- not bypass them. The function raises first and unconditionally, so that checks notice every later edit of it. On a
-- partitioned ledger, every partition also needs the trigger on TRUNCATE; in PostgreSQL 12 all three, with FOR EACH
-- STATEMENT on the ledger itself. `audit-ledger verify --repair` creates missing ones.
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END;
$$;

CREATE TRIGGER ledger_refuse_update BEFORE UPDATE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_refuse_delete BEFORE DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_refuse_truncate BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

ALTER TABLE ledger_entries
    ENABLE ALWAYS TRIGGER ledger_refuse_update,
    ENABLE ALWAYS TRIGGER ledger_refuse_delete,
    ENABLE ALWAYS TRIGGER ledger_refuse_truncate;
