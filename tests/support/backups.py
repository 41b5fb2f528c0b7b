"""What the tests of backups share."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from pytest_audit_ledger.backup.creation import BackupResult
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.sources.manifest import manifest_path
from tests.forger import Forger

ENTRIES = 2500
NAMES = ["x.sql", "x.dump", "x.sql.gz", "x.dump.gz", "x.sql.gz.age", "x.dump.age"]


def public(identity: Path) -> str:
    return identity.with_suffix(".pub").read_text()


def back_up(dsn: str, path: Path, server: str | None = None, **options: Any) -> BackupResult:
    """Back up; with a server to restore on, prove it."""
    with Ledger(dsn) as ledger:
        return ledger.backup_database(path, verify=server is not None, scratch_db=server, **options)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refit(path: Path, like: Path | None = None, **changes: Any) -> None:
    """Make a manifest fit a file that was changed, or that never had one."""
    manifest = json.loads(manifest_path(like or path).read_text())
    fitting = {"sha256": sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
    manifest_path(path).write_text(json.dumps({**manifest, **fitting, **changes}))


def major(dsn: str) -> int:
    """Return the major version of a server."""
    with Forger(dsn) as forger:
        return forger.connection.server_version // 10_000
