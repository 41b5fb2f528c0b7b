"""Ledgers in a real MariaDB, hashed by its own functions, verified from what its client writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance, Status

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("mariadbd") is None, reason="needs mariadb-server and mariadb-client"),
]

Client = Callable[..., bytes]

LEDGER = """
SET sql_mode = 'NO_BACKSLASH_ESCAPES', time_zone = '+02:00';
CREATE TABLE audit (seq BIGINT PRIMARY KEY, at DATETIME(6), actor VARCHAR(50), amount DECIMAL(12,2), paid BOOLEAN,
  note TEXT, data VARBINARY(20), ratio DOUBLE, prev CHAR(64), hash CHAR(64)) CHARACTER SET utf8mb4;
CREATE TRIGGER seal BEFORE INSERT ON audit FOR EACH ROW SET
  NEW.prev = coalesce((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), ''),
  NEW.hash = sha2(concat_ws('|', NEW.seq, NEW.at, NEW.actor, NEW.amount, NEW.paid, NEW.note, lower(hex(NEW.data)),
    NEW.ratio, NEW.prev), 256);
INSERT INTO audit (seq, at, actor, amount, paid, note, data, ratio) VALUES
  (1, '1969-12-31 23:59:59.5', 'Zoë', 1.50, true, NULL, NULL, 1.5),
  (2, '2026-05-01 08:00:00.123456', 'o''hara', -0.25, false, '', x'', 0.1),
  (3, '2026-05-01 08:00:01', '李 𝛑', 12345678.90, NULL, 'two
lines	a tab, "quotes" and \\ \\n \\0', x'00ff0a095c', 1e100),
  (4, '2026-05-01 08:00:02.5', ' spaces ', 0.00, true, 'null', x'6162', -1e-9),
  (5, '2026-05-01 08:00:03', '0x41', NULL, true, char(13), x'5c78', NULL);
"""

PROFILE = """\
version: 1
name: audit
table: audit
roles: {sequence: seq, previous_hash: prev, entry_hash: hash, timestamp: at}
guards: {append_only: false}
types: {at: timestamp, actor: text, amount: numeric, paid: boolean, note: text, data: bytea}
payload:
  join:
    by: "|"
    null: skip
    of:
      - seq
      - {at: {iso: {digits: 6, offset: "", separator: " "}}}
      - actor
      - amount
      - {paid: {booleans: ["1", "0"]}}
      - note
      - {data: hex}
      - ratio
      - previous
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("mysql")
    data, socket = folder / "data", f"{folder}/s"
    user = [f"--user={os.environ.get('USER') or 'root'}"]
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
    subprocess.run([*install, *user], check=True, capture_output=True)
    command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking", *user]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:

        def run(*arguments: str, given: str = "") -> bytes:
            connect = [
                "mariadb",
                "--no-defaults",
                f"--socket={socket}",
                "--user=root",
                "--default-character-set=utf8mb4",
            ]
            done = subprocess.run([*connect, *arguments], input=given.encode(), capture_output=True, check=True)
            return done.stdout

        try:
            for _ in range(300):
                if Path(socket).exists():
                    break
                time.sleep(0.1)
            run(given=f"CREATE DATABASE shop; USE shop; {LEDGER}")
            yield run
        finally:
            server.terminate()


def outcome(path: Path, profile: str = PROFILE) -> tuple[Assurance, list[str]]:
    """Verify a file; return the assurance, and the reasons and findings of what failed."""
    named = path.with_name("audit.profile.yaml")
    named.write_text(profile, "utf-8")
    result = Ledger(str(path), profile=named).verify_integrity()
    failed = [one for one in result.outcomes if one.status in (Status.FAIL, Status.ERROR)]
    return result.assurance, [f"{one.reason} {one.findings}" for one in failed]


def test_what_the_client_prints_in_batches_is_verified(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "audit.tsv"
    columns = "seq, at, actor, amount, paid, note, concat('0x', hex(data)) AS data, ratio, prev, hash"
    path.write_bytes(client("--batch", "shop", "-e", f"SELECT {columns} FROM audit ORDER BY seq"))
    assert outcome(path) == (Assurance.SELF_CONSISTENT, [])


def test_bytes_that_are_not_written_in_hexadecimal_accuse_nobody(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "audit.tsv"
    path.write_bytes(client("--batch", "shop", "-e", "SELECT * FROM audit ORDER BY seq"))
    assurance, reasons = outcome(path)
    assert assurance is Assurance.UNVERIFIED
    assert "which is not text in UTF-8; write bytes in hexadecimal, such as 0x00ff" in reasons[0]
    path.write_bytes(client("--batch", "shop", "-e", "SELECT * FROM audit WHERE seq <> 3 ORDER BY seq"))
    assurance, reasons = outcome(path)
    assert assurance is Assurance.UNVERIFIED
    assert "data is 'ab', which is not bytes in hexadecimal, such as 0x00ff" in reasons[0]


def test_texts_without_escapes_are_refused(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "audit.tsv"
    path.write_bytes(client("--batch", "--raw", "shop", "-e", "SELECT * FROM audit ORDER BY seq"))
    assurance, reasons = outcome(path)
    assert assurance is Assurance.UNVERIFIED
    assert "audit.tsv:4: this line has 6 fields, but the first line names 10" in reasons[0]
