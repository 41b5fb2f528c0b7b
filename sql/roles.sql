-- A role for each of those who touch a ledger. Run it as the owner of the table; give your own roles these as groups.
-- The writer may append and nothing else; the auditor may read and nothing else, which is all this package needs.
CREATE ROLE ledger_writer NOLOGIN;
CREATE ROLE ledger_auditor NOLOGIN;
REVOKE ALL ON ledger_entries FROM PUBLIC;
GRANT INSERT ON ledger_entries TO ledger_writer;
GRANT USAGE ON SEQUENCE ledger_entries_id_seq TO ledger_writer;
GRANT SELECT ON ledger_entries TO ledger_auditor;
