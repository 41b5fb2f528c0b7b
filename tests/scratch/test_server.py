"""Scratch servers: whatever is restored or attacked belongs to a role that is not a superuser, and nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_audit_ledger import SourceError
from pytest_audit_ledger.backup.encryption import Opener
from pytest_audit_ledger.backup.restore import restored
from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.scratch.server import RESTORER, Scratch, scratch_database, scratch_server
from pytest_audit_ledger.sources.dsn import Dsn
from tests.forger import Forger
from tests.support.command import Invoke, RunLedger
from tests.support.databases import login, needs_version, role

LEFT = f"""
    SELECT rolname FROM pg_roles WHERE rolname LIKE '{RESTORER}%'
    UNION ALL SELECT datname FROM pg_database WHERE datname LIKE 'audit_ledger_scratch%'
"""


LOOKS = """
    CREATE FUNCTION looks(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        IF current_setting('is_superuser') = 'off' THEN RAISE 'not a superuser here'; END IF;
        RETURN true;
    END $$;
"""
"""Defines a function that only a superuser can call."""


def superuser(dsn: Dsn) -> str:
    with Forger(dsn.reveal()) as session:
        ((told,),) = session.run("SELECT current_setting('is_superuser')")
    return str(told)


def test_a_superuser_restores_as_a_role_of_our_own_which_is_dropped(forger: Forger) -> None:
    with scratch_server(Scratch(forger.dsn)) as server, server.database() as dsn:
        assert dsn.parameter("user").startswith(RESTORER)
        assert superuser(dsn) == "off"
        above = server.superuser(dsn)
        assert above is not None
        assert superuser(above) == "on"
        assert dsn.parameter("password") not in repr(server)
    assert forger.run(LEFT) == []


def test_a_role_that_is_no_superuser_restores_itself(forger: Forger) -> None:
    with (
        role(forger, "scratch", "CREATEDB") as name,
        scratch_server(Scratch(login(forger.dsn, name))) as server,
        server.database() as dsn,
    ):
        assert dsn.parameter("user") == name
        assert server.superuser(dsn) is None


def test_restoring_as_a_superuser_has_to_be_allowed(forger: Forger) -> None:
    with scratch_database(Scratch(forger.dsn, allow_superuser=True)) as dsn:
        assert superuser(dsn) == "on"


def test_a_superuser_is_refused_if_no_other_role_is_let_in() -> None:
    with embedded_server() as dsn, Forger(dsn) as session:
        ((rules,),) = session.run("SHOW hba_file")
        Path(rules).write_text(f"local all /^{RESTORER} reject\nlocal all all trust\n")  # like peer or certificates
        session.run("SELECT pg_reload_conf()")
        refused = pytest.raises(SourceError, match=r"superuser, .* add --ledger-allow-superuser-scratch")
        with refused, scratch_database(Scratch(dsn)):
            pass
        assert session.run(LEFT) == []


def test_both_front_ends_allow_a_superuser(invoke: Invoke, run: RunLedger, forger: Forger) -> None:
    needs_version(forger, 17, "transaction_timeout, which what the newest pg_dump writes sets")
    forger.build(50).run(f"{LOOKS} ALTER TABLE ledger_entries ADD CHECK (looks(verdict))")
    named = ("--scratch-db", forger.dsn)
    assert invoke("backup", "--source", forger.dsn, "--output", "x.dump").exit_code == 0
    by_command = invoke("backup", "verify", "x.dump", *named)
    assert (by_command.exit_code, "not a superuser here" in by_command.stdout) == (3, True)
    assert invoke("backup", "verify", "x.dump", *named, "--allow-superuser-scratch").exit_code == 0
    by_pytest = (f"--ledger-db={forger.dsn}", f"--ledger-scratch-db={forger.dsn}", "--ledger-backup=y.dump")
    run(*by_pytest).stdout.fnmatch_lines(["*not a superuser here*"])
    run(*by_pytest, "--ledger-allow-superuser-scratch", "--ledger-force").stdout.fnmatch_lines(["wrote *y.dump *"])


def test_the_timeout_bounds_a_restore(server: str, tmp_path: Path) -> None:
    dump = tmp_path / "slow.sql"
    dump.write_text("SELECT pg_sleep(60);\n-- PostgreSQL database dump complete\n")
    with (
        pytest.raises(SourceError, match=r"psql was stopped after 1 s on .* Allow more time with --ledger-timeout"),
        dump.open("rb") as file,
        restored(file, Opener(), scratch=Scratch(server, timeout=1), table="ledger_entries"),
    ):
        pass
