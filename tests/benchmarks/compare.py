"""Measures verification, export, backup and report against the peer and the floor, as whole processes on one ledger.

What a verification since a checkpoint costs is measured at the end (see `incremental.py`).

    make bench                                                      1,000,000 entries, three rounds
    .venv/bin/python -m tests.benchmarks.compare --entries 100000   a smaller one
    .venv/bin/python -m tests.benchmarks.compare --only export      a part of it
    .venv/bin/python -m tests.benchmarks.compare --write            write what was measured into README.md

The floor of a verification is a raw COPY of the same columns to nothing, that of an export a raw COPY of all columns to
a file, that of a backup pg_dump by itself, that of a report our own verification. Peak memory is that of the largest
single process, as the operating system counts it. The commands of a round run one after the other; a figure is the
median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn
from tabulate import tabulate

from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.native import PURE, in_use
from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.programs import find
from tests.benchmarks.incremental import incremental
from tests.forger import Forger

STEP_S = 10.0
"""Seconds between entries, so that a million of them end well before today."""

COLUMNS = ", ".join(f'"{name}"' for name in [*PAYLOAD_COLUMNS.values(), "entry_hash"])
RAW_COPY = f"""
import psycopg2, sys
class Nothing:
    def write(self, data): pass
cursor = psycopg2.connect(sys.argv[1]).cursor()
cursor.copy_expert('COPY (SELECT {COLUMNS} FROM ledger_entries ORDER BY sequence_number) TO STDOUT', Nothing())
"""
RAW_EXPORT = """
import psycopg2, sys
with open('raw', 'wb') as file:
    cursor = psycopg2.connect(sys.argv[1]).cursor()
    cursor.copy_expert('COPY (SELECT * FROM ledger_entries ORDER BY sequence_number) TO STDOUT', file)
"""
ENV = "/usr/bin/env"
PEER = "from audit_ledger.cli import main; main()"


Series = dict[str, list[str]]
"""Commands by name: the floor, the peer, and ours."""


@dataclass(frozen=True)
class Measured:
    """Wall time in seconds and peak memory in MiB of one process and its largest child."""

    seconds: float
    mebibytes: float


# Linux counts the memory of a parent as its child's until the child has started, so a small process is put between.
LAUNCHER = """
import json, os, sys, time
started = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - started
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss / 1024]), file=sys.stderr)
"""


def measure(command: Sequence[str], environment: Mapping[str, str], folder: str) -> Measured:
    """Run a command that must succeed, and return what it took."""
    launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launched, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    code, seconds, mebibytes = json.loads(done.stderr.splitlines()[-1])
    if code:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    return Measured(seconds, mebibytes)


def build(server: str, entries: int) -> str:
    """Make a ledger of this size in a database of its own and return its DSN."""
    name = f"bench_{entries}"
    connection = psycopg2.connect(server)
    connection.autocommit = True
    connection.cursor().execute(f"CREATE DATABASE {name}")
    connection.close()
    dsn: str = make_dsn(**{**parse_dsn(server), "dbname": name})
    with Forger(dsn) as forger:
        forger.build(entries=sample_entries(entries, step_s=STEP_S))
        forger.run("VACUUM ANALYZE ledger_entries")
    return dsn


def peer(dsn: str, command: str, *options: str) -> list[str]:
    """Return a command of the peer, which wants a URI of SQLAlchemy's."""
    parameters = parse_dsn(dsn)
    uri = f"postgresql+psycopg://{parameters['user']}@/{parameters['dbname']}?host={parameters['host']}"
    return [sys.executable, "-c", PEER, command, "--ledger-db" if command == "verify" else "--source", uri, *options]


def verifications(dsn: str) -> list[Series]:
    """Return the commands that verify: the floor, the peer, ours."""
    ours = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_audit_ledger.plugin", f"--ledger-db={dsn}"]
    return [
        {
            "raw COPY": [sys.executable, "-c", RAW_COPY, dsn],
            "ski-audit-ledger verify": peer(dsn, "verify"),
            **{
                f"ours, {core}, {workers}": [*prefix, *ours, f"--ledger-workers={workers}"]
                for core, prefix in (("in Python", [ENV, f"{PURE}=1"]), ("native core", []))
                for workers in ("1", "auto")
            },
        }
    ]


def exports(dsn: str) -> list[Series]:
    """Return the commands that export, format by format: the floor, the peer, ours."""
    ours = [sys.executable, "-m", "pytest_audit_ledger", "export", "--source", dsn]
    return [
        {
            "raw COPY to a file": [sys.executable, "-c", RAW_EXPORT, dsn],
            f"ski-audit-ledger export, {name}": peer(dsn, "export", "--format", name, "--output", f"peer.{name}"),
            f"ours, {name}": [*ours, "--output", f"ours.{name}"],
        }
        for name in ("json", "csv", "jsonl")
    ]


def backups(dsn: str) -> list[Series]:
    """Return the commands that back up, format by format: the floor, the peer, ours without and with verification."""
    ours = [sys.executable, "-m", "pytest_audit_ledger", "backup", "--source", dsn]
    tool = find("pg_dump", 18).path
    # the peer asks PATH, and knows one format, which it does not restore
    named = [sys.executable, "-c", f"import os; os.environ['PATH'] = {str(tool.parent)!r}; {PEER}"]
    theirs = [*named, *peer(dsn, "backup")[3:], "--output", "peer.dump"]
    return [
        {
            f"pg_dump, {name}": [str(tool), f"--format={name}", f"--file=floor.{suffix}", f"--dbname={dsn}"],
            "ski-audit-ledger backup": theirs,
            f"ours, {name}": [*ours, "--output", f"ours.{suffix}"],
            f"ours, {name}, --verify": [*ours, "--output", f"ours.{suffix}", "--verify"],
        }
        for name, suffix in (("plain", "sql"), ("custom", "dump"))
    ]


def reports(dsn: str) -> list[Series]:
    """Return the commands that report: our verification by itself, the peer, ours of all entries and of a month."""
    ours = [sys.executable, "-m", "pytest_audit_ledger"]
    month = ["--start-date", "2025-10-01", "--end-date", "2025-10-31"]
    return [
        {
            f"ours, verify, {workers}": [*ours, "verify", "--source", dsn, f"--workers={workers}"],
            "ski-audit-ledger report": peer(dsn, "report", "--output", "peer.html", *month),
            f"ours, report, {workers}": [*ours, "report", "--source", dsn, f"--workers={workers}", "-o", "ours.html"],
            f"ours, report of a month, {workers}": [
                *(*ours, "report", "--source", dsn, f"--workers={workers}", "-o", "month.html", *month)
            ],
        }
        for workers in ("1", "auto")
    ]


def compare(series: Series, rounds: int) -> dict[str, Measured]:
    """Measure every command, round by round; return the medians."""
    # the peer needs the time zone; plugins that happen to be installed next to ours are not what is measured
    environment = {**os.environ, "PGTZ": "UTC", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    results: dict[str, list[Measured]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, command in series.items():
                results.setdefault(name, []).append(measure(command, environment, folder))
    return {
        name: Measured(statistics.median(m.seconds for m in runs), statistics.median(m.mebibytes for m in runs))
        for name, runs in results.items()
    }


def table(results: Mapping[str, Measured], entries: int) -> str:
    """Return the measurements as Markdown, with ratios against the floor, which comes first, and the peer after it."""
    floor, other = (measured.seconds for measured in list(results.values())[:2])
    rows = [
        (
            name,
            f"{measured.seconds:.2f}",
            f"{entries / measured.seconds:,.0f}",
            f"{measured.mebibytes:.0f}",
            f"{other / measured.seconds:.1f}",
            f"{measured.seconds / floor:.1f}",
        )
        for name, measured in results.items()
    ]
    head = ("command", "seconds", "entries/s", "peak MiB", "times the peer's speed", "times the floor's time")
    return tabulate(rows, head, tablefmt="github", disable_numparse=True, colalign=("left", *["right"] * 5))


def processor() -> str:
    """Return what the operating system calls the processor."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def main() -> None:
    """Build the ledgers, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["verify", "export", "backup", "report", "incremental"])
    parser.add_argument("--write", action="store_true", help="write the figures into README.md")
    arguments = parser.parse_args()
    # an installed package has its bytecode, and ours would be compiled again by every process that is measured
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    parts = {"verify": verifications, "export": exports, "backup": backups, "report": reports}
    chosen = [name for name in (*parts, "incremental") if arguments.only in (None, name)]
    machine = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {in_use()}"
    told = {name: [f"{date.today()}, {machine}, PostgreSQL 18 on the same machine."] for name in chosen}
    with embedded_server() as server:
        for entries in (arguments.entries // 10, arguments.entries):
            dsn = build(server, entries)
            for name in chosen:  # incremental comes last, because it adds entries
                told[name].append(f"{entries:,} entries, median of {arguments.rounds} rounds")
                if name == "incremental":
                    told[name].append(incremental(dsn, entries, arguments.rounds, STEP_S))
                else:
                    told[name] += [table(compare(one, arguments.rounds), entries) for one in parts[name](dsn)]
                print("\n\n".join(told[name]), flush=True)
    if arguments.write:
        for name, texts in told.items():
            write(name, "\n\n".join(texts))


def write(name: str, figures: str) -> None:
    """Put figures into their place in README.md."""
    readme = Path(__file__).with_name("README.md")
    before, mark, rest = readme.read_text().partition(f"<!-- {name} -->\n")
    if not mark:
        sys.exit(f"{readme} has no place for {name}.")
    after = rest[rest.index("<!-- end -->") :]
    readme.write_text(f"{before}{mark}\n{figures}\n\n{after}")


if __name__ == "__main__":
    main()
