"""Scratch servers: whatever is restored or attacked belongs to a role that is not a superuser, and nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_audit_ledger import SourceError
from pytest_audit_ledger.backup.encryption import Opener
from pytest_audit_ledger.backup.restore import restored
from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.scratch.server import ALLOWED, RESTORER, scratch_database, scratch_server
from pytest_audit_ledger.sources.dsn import Dsn
from tests.forger import Forger
from tests.support.databases import login, role

LEFT = f"""
    SELECT rolname FROM pg_roles WHERE rolname LIKE '{RESTORER}%'
    UNION ALL SELECT datname FROM pg_database WHERE datname LIKE 'audit_ledger_scratch%'
"""


def superuser(dsn: Dsn) -> str:
    with Forger(dsn.reveal()) as session:
        ((told,),) = session.run("SELECT current_setting('is_superuser')")
    return str(told)


def test_a_superuser_restores_as_a_role_of_our_own_which_is_dropped(forger: Forger) -> None:
    with scratch_server(forger.dsn) as server, server.database() as dsn:
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
        scratch_server(login(forger.dsn, name)) as server,
        server.database() as dsn,
    ):
        assert dsn.parameter("user") == name
        assert server.superuser(dsn) is None


def test_restoring_as_a_superuser_has_to_be_allowed(forger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWED, "1")
    with scratch_database(forger.dsn) as dsn:
        assert superuser(dsn) == "on"


def test_a_superuser_is_refused_if_no_other_role_is_let_in() -> None:
    with embedded_server() as dsn, Forger(dsn) as session:
        ((rules,),) = session.run("SHOW hba_file")
        Path(rules).write_text(f"local all /^{RESTORER} reject\nlocal all all trust\n")  # like peer or certificates
        session.run("SELECT pg_reload_conf()")
        with pytest.raises(SourceError, match=f"is a superuser, .* set {ALLOWED}=1"), scratch_database(dsn):
            pass
        assert session.run(LEFT) == []


def test_the_timeout_bounds_a_restore(server: str, tmp_path: Path) -> None:
    dump = tmp_path / "slow.sql"
    dump.write_text("SELECT pg_sleep(60);\n-- PostgreSQL database dump complete\n")
    with (
        pytest.raises(SourceError, match=r"psql was stopped after 1 s on .* Allow more time with --ledger-timeout"),
        dump.open("rb") as file,
        restored(file, Opener(), scratch=Dsn(server), table="ledger_entries", timeout=1),
    ):
        pass
