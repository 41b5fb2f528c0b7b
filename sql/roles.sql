-- One role for each kind of user; make your own roles members of these. Run this as the owner of the table; the first
-- two lines need CREATEROLE, or an administrator.
-- The writer may only append. The auditor may only read, which is all that this package needs.
CREATE ROLE ledger_writer NOLOGIN;
CREATE ROLE ledger_auditor NOLOGIN;
GRANT USAGE ON SCHEMA public TO ledger_writer, ledger_auditor;
REVOKE ALL ON ledger_entries FROM PUBLIC;
GRANT INSERT ON ledger_entries TO ledger_writer;
GRANT USAGE ON SEQUENCE ledger_entries_id_seq TO ledger_writer;
GRANT SELECT ON ledger_entries TO ledger_auditor;
