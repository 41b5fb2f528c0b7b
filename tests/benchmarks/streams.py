"""Measures what checkpoints and many streams cost: the same entries in one stream, and in streams of two, in turns.

    .venv/bin/python -m tests.benchmarks.streams [ENTRIES]

The entries of the streams are written in turns, as tenants write. One worker; the clock is that of this process, since
others share the machine, and leaves out the server, which reads an index in either case.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from tabulate import tabulate

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.scratch.server import scratch_server
from tests.forger import Forger

EXAMPLES = Path(__file__).parents[2] / "examples" / "profiles"
ENTRIES, ROUNDS = 200_000, 3
KEY = SigningKey("bench.example/movements", bytes(range(32)))


def filled(forger: Forger, entries: int, streams: int) -> None:
    """Make the ledger of examples/profiles/join.sql with so many entries in so many streams."""
    links: dict[int, str] = {}
    rows = io.StringIO()
    begun = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for at in range(entries):
        stream, number = at % streams, 1 + at // streams
        link, account = links.get(stream, "GENESIS"), f"account {stream:06}"
        moment = begun + timedelta(seconds=at, microseconds=123456)
        payload = f"{link}|{account}|{number}|fee|{at % 1000}.00|movement {at}|{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
        links[stream] = sha256(payload.encode()).hexdigest()
        fields = (at, account, number, "fee", at % 1000, f"movement {at}", moment.isoformat(), link, links[stream])
        rows.write("\t".join(map(str, fields)) + "\n")
    rows.seek(0)
    forger.run((EXAMPLES / "join.sql").read_text("utf-8"))
    forger.run("ALTER TABLE movements DISABLE TRIGGER USER; TRUNCATE movements")
    with forger.connection.cursor() as cursor:
        cursor.copy_expert("COPY movements FROM STDIN", rows)
    forger.run("ALTER TABLE movements ENABLE TRIGGER USER")
    forger.run("VACUUM ANALYZE movements")


def measured(works: Mapping[Any, Callable[[], object]]) -> dict[Any, float]:
    """Return the seconds of each work, as the median of rounds in which they take turns."""
    seconds: dict[Any, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            begun = time.process_time()
            work()
            seconds[name].append(time.process_time() - begun)
    return {name: statistics.median(each) for name, each in seconds.items()}


def checkpoints(entries: int) -> str:
    """Return what verifying, creating a checkpoint and verifying by it take, as Markdown."""
    with ExitStack() as stack, scratch_server() as server:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        works: dict[tuple[str, int], Callable[[], object]] = {}
        for streams in (1, max(1, entries // 2)):
            dsn = stack.enter_context(server.database())
            with Forger(str(dsn)) as forger:
                filled(forger, entries, streams)
            ledger = Ledger(str(dsn), profile=EXAMPLES / "join.profile.yaml")
            kept = folder / str(streams)
            ledger.create_checkpoint(kept, KEY)
            trusted: dict[str, Any] = {"checkpoints": [kept], "verifier_keys": [str(KEY.verifier())]}
            works["verify", streams] = partial(ledger.verify_integrity, workers=1)
            works["verify by a checkpoint", streams] = partial(ledger.verify_integrity, workers=1, **trusted)
            works["create a checkpoint", streams] = partial(_created, ledger)
        seconds = measured(works)
    rows = [
        (name, f"{streams:,}", f"{found:.2f}", f"{entries / found:,.0f}", f"{found / seconds['verify', streams]:.2f}")
        for (name, streams), found in seconds.items()
    ]
    headers = ("work", "streams", "CPU seconds", "entries a CPU second", "times plain verification (goal 1.5)")
    return tabulate(rows, headers, "github", disable_numparse=True)


def _created(ledger: Ledger) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger.create_checkpoint(folder, KEY)


if __name__ == "__main__":
    print(checkpoints(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES))
