"""Measures what we do against the peer, the floor and Python without the native core, as whole processes.

    make bench                                                      1,000,000 entries, three rounds
    .venv/bin/python -m tests.benchmarks.compare --entries 50000    a smaller one
    .venv/bin/python -m tests.benchmarks.compare --only export      a part of it, also `backup`, `report` and `size`
    .venv/bin/python -m tests.benchmarks.compare --write            write what was measured into README.md

The floor of a verification is a raw COPY of the same columns to nothing, that of an export a raw COPY of all columns to
a file, that of a backup pg_dump by itself, that of a report our own verification. Peak memory is that of the largest
single process, as the operating system counts it; the seconds of the processor do not count the server. The commands of
a round run one after the other; a figure is the median of the rounds. What a verification since a checkpoint costs is
measured last, because it adds entries (see `incremental.py`).
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import date
from pathlib import Path

from psycopg2.extensions import make_dsn, parse_dsn
from tabulate import tabulate

from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.native import PURE, in_use
from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.programs import find
from tests.benchmarks.incremental import incremental
from tests.benchmarks.many import fill
from tests.benchmarks.streams import checkpoints
from tests.forger import Forger
from tests.support.databases import drop_database
from tests.support.provenance import build_signed
from tests.support.signers import PEM

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


Series = Mapping[str, list[str]]


@dataclass(frozen=True)
class Measured:
    """Seconds by the clock and of the processor, and peak memory in MiB of one process and its largest child."""

    seconds: float
    processor: float
    mebibytes: float


@dataclass(frozen=True)
class Goal:
    """How much longer one command takes than another: at most, or at least if `at_most` is not set."""

    figure: str
    longer: str
    shorter: str
    bound: float
    at_most: bool = False

    def row(self, results: Mapping[str, Measured]) -> tuple[str, str, str]:
        """Return the figure, its bound and what was measured."""
        ratio = results[self.longer].seconds / results[self.shorter].seconds
        return self.figure, f"{'at most' if self.at_most else 'at least'} {self.bound}", f"{ratio:.2f}"


@dataclass(frozen=True)
class Comparison:
    """Commands by name, of which the first is the floor; the peer, if it is among them; goals."""

    series: Series
    goals: Sequence[Goal] = ()
    peer: str = ""


# Linux counts the memory of a parent as its child's until the child has started, so a small process is put between.
LAUNCHER = """
import json, os, sys, time
started = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - started
processor = usage.ru_utime + usage.ru_stime
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, processor, usage.ru_maxrss / 1024]), file=sys.stderr)
"""


def measure(command: Sequence[str], environment: Mapping[str, str], folder: str) -> Measured:
    """Run a command that must succeed, and return what it took."""
    launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launched, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    code, *figures = json.loads(done.stderr.splitlines()[-1])
    if code:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    return Measured(*figures)


@contextmanager
def made(server: str, name: str, *, pack: bool = True) -> Iterator[Forger]:
    """Make a database in which to build a ledger. `pack`: vacuum it fully at the end, which needs its room again."""
    with Forger(server) as administrator:
        administrator.run(f"CREATE DATABASE {name}")
    with Forger(make_dsn(**{**parse_dsn(server), "dbname": name})) as forger:
        yield forger
        forger.run(f"VACUUM {'FULL ' if pack else ''}ANALYZE ledger_entries")


def dropped(server: str, name: str) -> None:
    """Drop a database, because the next one needs its room."""
    with Forger(server) as administrator:
        drop_database(administrator, name)


def build(server: str, entries: int, name: str = "", edited: str = "") -> str:
    """Make a ledger of this size in a database of its own and return its DSN. `edited`: a condition in SQL."""
    with made(server, name or f"bench_{entries}") as forger:
        forger.build(entries=sample_entries(entries, step_s=STEP_S))
        if edited:
            forger.unguarded(f"UPDATE ledger_entries SET reasoning = 'edited ' || sequence_number WHERE {edited}")
        return forger.dsn


def peer(dsn: str, command: str, *options: str) -> list[str]:
    """Return a command of the peer, which wants a URI of SQLAlchemy's."""
    parameters = parse_dsn(dsn)
    uri = f"postgresql+psycopg://{parameters['user']}@/{parameters['dbname']}?host={parameters['host']}"
    return [sys.executable, "-c", PEER, command, "--ledger-db" if command == "verify" else "--source", uri, *options]


def ours(*arguments: str, pure: bool = False) -> list[str]:
    """Return a command of ours, perhaps without the native core."""
    return [*([ENV, f"{PURE}=1"] if pure else []), sys.executable, "-m", "pytest_audit_ledger", *arguments]


def by_pytest(*arguments: str) -> list[str]:
    """Return a run of pytest without plugins of others."""
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]


WITH_PLUGIN = ("-p", "pytest_audit_ledger.plugin")


def verifications(server: str, entries: int) -> Iterator[Comparison]:
    """Yield the verifications: of a large ledger by the command, of one of a fifth of its size by pytest."""
    for size, cores in ((entries, (True, False)), (entries // 5, ())):
        dsn = build(server, size)
        commands = {
            f"ours, {'in Python' if pure else 'native core'}, {workers}": ours(
                "verify", "--ledger-db", dsn, "--workers", workers, pure=pure
            )
            for pure in cores
            for workers in ("1", "auto")
        } or {"ours, by pytest, auto": by_pytest(*WITH_PLUGIN, f"--ledger-db={dsn}", "--ledger-workers=auto")}
        floor = {"raw COPY": [sys.executable, "-c", RAW_COPY, dsn], THEIRS: peer(dsn, "verify")}
        yield Comparison({**floor, **commands}, VERIFYING if cores else BY_PYTEST, THEIRS)


THEIRS = "ski-audit-ledger verify"
VERIFYING = (
    Goal("auto against raw COPY, time", "ours, native core, auto", "raw COPY", 1.3, at_most=True),
    Goal("auto against the peer, speed", THEIRS, "ours, native core, auto", 6.5),
    Goal("one worker against the peer, speed", THEIRS, "ours, native core, 1", 5),
    Goal("one worker, native core against Python, speed", "ours, in Python, 1", "ours, native core, 1", 1.6),
)
BY_PYTEST = (Goal("by pytest against the peer, speed", THEIRS, "ours, by pytest, auto", 4),)


def exports(server: str, entries: int) -> Iterator[Comparison]:
    """Yield the exports, format by format."""
    dsn = build(server, entries * 2 // 5, "bench_export")
    for name in defaults.EXPORT_FORMATS:
        theirs, export = f"ski-audit-ledger export, {name}", ("export", "--source", dsn, "--force", "--output")
        series = {
            "raw COPY to a file": [sys.executable, "-c", RAW_EXPORT, dsn],
            theirs: peer(dsn, "export", "--format", name, "--output", f"peer.{name}"),
            f"ours, in Python, {name}": ours(*export, f"pure.{name}", pure=True),
            f"ours, native core, {name}": ours(*export, f"native.{name}"),
        }
        _, _, pure, native = series
        yield Comparison(series, [Goal(f"native core against Python, {name}, speed", pure, native, 1.6)], theirs)


def provenance(server: str, entries: int) -> Iterator[Comparison]:
    """Yield the verification of a ledger of schema v3, each entry with an envelope and a signed transcript."""
    with made(server, "bench_v3") as forger:
        build_signed(forger, entries // 50)
    verify = ("verify", "--ledger-db", forger.dsn, "--workers", "1")
    signed = ("--transcript-key", PEM)
    series = {
        "in Python": ours(*verify, pure=True),
        "native core": ours(*verify),
        "in Python, with a key": ours(*verify, *signed, pure=True),
        "native core, with a key": ours(*verify, *signed),
    }
    yield Comparison(series, [Goal("native core against Python, speed", "in Python", "native core", 2)])


def damaged(server: str, entries: int) -> Iterator[Comparison]:
    """Yield the verification of ledgers of which every entry, or every second one, was edited."""
    series: dict[str, list[str]] = {}
    for name, edited in (("no", ""), ("every", "true"), ("every second", "sequence_number % 2 = 0")):
        dsn = build(server, entries // 4, f"bench_edited_{len(series)}", edited)
        command = ours("verify", "--ledger-db", dsn, "--workers", "1")
        fails = ["/bin/sh", "-c", '"$@"; test $? -eq 1', "sh"] if edited else []
        series[f"{name} entry edited"] = [*fails, *command]
    none, *others = series
    yield Comparison(series, [Goal(f"{one} against none, time", one, none, 2, at_most=True) for one in others])


def start(server: str, entries: int) -> Iterator[Comparison]:
    """Yield what a small ledger takes, most of which is starting."""
    dsn = build(server, 1_500)
    empty = ["/bin/sh", "-c", 'echo "def test_nothing(): pass" > test_empty.py; exec "$@"', "sh"]
    yield Comparison(
        {
            "starting alone (--version)": ours("--version"),
            "ours, verify 1,500 entries": ours("verify", "--ledger-db", dsn),
            "pytest, an empty test": [*empty, *by_pytest("test_empty.py")],
            "pytest, an empty test, with the plugin": [*empty, *by_pytest(*WITH_PLUGIN, "test_empty.py")],
            "pytest, verify 1,500 entries": by_pytest(*WITH_PLUGIN, f"--ledger-db={dsn}"),
        }
    )


def backups(server: str, entries: int) -> Iterator[Comparison]:
    """Yield the backups, format by format: the floor, the peer, ours without and with verification."""
    dsn = build(server, entries, "bench_backup")
    backup = ours("backup", "--source", dsn, "--force")
    tool = find("pg_dump", 18).path
    # the peer asks PATH, and knows one format, which it does not restore
    named = [sys.executable, "-c", f"import os; os.environ['PATH'] = {str(tool.parent)!r}; {PEER}"]
    theirs = [*named, *peer(dsn, "backup")[3:], "--output", "peer.dump"]
    for name, suffix in (("plain", "sql"), ("custom", "dump")):
        series = {
            f"pg_dump, {name}": [str(tool), f"--format={name}", f"--file=floor.{suffix}", f"--dbname={dsn}"],
            "ski-audit-ledger backup": theirs,
            f"ours, {name}": [*backup, "--output", f"ours.{suffix}"],
            f"ours, {name}, --verify": [*backup, "--output", f"ours.{suffix}", "--verify"],
        }
        yield Comparison(series, peer="ski-audit-ledger backup")


def reports(server: str, entries: int) -> Iterator[Comparison]:
    """Yield the reports: our verification by itself, the peer, ours of all entries and of a month."""
    dsn = build(server, entries, "bench_report")
    month = ["--start-date", "2025-10-01", "--end-date", "2025-10-31"]
    for workers in ("1", "auto"):
        report = ("report", "--source", dsn, f"--workers={workers}", "--force", "-o")
        series = {
            f"ours, verify, {workers}": ours("verify", "--source", dsn, f"--workers={workers}"),
            "ski-audit-ledger report": peer(dsn, "report", "--output", "peer.html", *month),
            f"ours, report, {workers}": ours(*report, "ours.html"),
            f"ours, report of a month, {workers}": ours(*report, "month.html", *month),
        }
        yield Comparison(series, peer="ski-audit-ledger report")


def sizes(server: str, entries: int, rounds: int) -> str:
    """Measure verifications of so many entries and of ten times as many, in one table and in ten partitions."""
    rows: list[tuple[str, ...]] = []
    for partitions in (0, 10):
        for size in (entries, 10 * entries):
            name = f"bench_{'partitions' if partitions else 'table'}_{size}"
            with made(server, name, pack=False) as forger:
                fill(forger, size, partitions)
            series = {
                workers: ours("verify", "--ledger-db", forger.dsn, "--workers", workers) for workers in ("1", "auto")
            }
            for workers, one in compare(series, rounds).items():
                ledger = f"{size:,} entries, {'ten partitions' if partitions else 'one table'}, {workers}"
                each = f"{one.processor / size * 1_000_000:.2f}"
                rows.append((ledger, f"{one.seconds:.2f}", f"{one.processor:.2f}", each, f"{one.mebibytes:.0f}"))
                print(*rows[-1], sep="  ", file=sys.stderr, flush=True)  # the next takes minutes
            dropped(server, name)
    return markdown(rows, ("ledger, workers", "seconds", "CPU seconds", "CPU seconds per million", "peak MiB"))


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
        name: Measured(*map(statistics.median, zip(*map(astuple, runs), strict=True))) for name, runs in results.items()
    }


def tables(one: Comparison, results: Mapping[str, Measured]) -> Iterator[str]:
    """Yield what was measured as Markdown, with ratios against the floor and the peer, and then the goals."""
    floor = next(iter(results.values())).seconds
    rows = [
        (
            name,
            f"{measured.seconds:.2f}",
            f"{measured.processor:.2f}",
            f"{measured.mebibytes:.0f}",
            f"{measured.seconds / floor:.2f}",
            *([f"{results[one.peer].seconds / measured.seconds:.1f}"] if one.peer else []),
        )
        for name, measured in results.items()
    ]
    head = ("command", "seconds", "CPU seconds", "peak MiB", "times the first one's time", "times the peer's speed")
    yield markdown(rows, head[: len(rows[0])])
    if one.goals:
        yield markdown([goal.row(results) for goal in one.goals], ("goal", "", "measured"))


def markdown(rows: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    """Return a table, whose numbers are aligned to the right."""
    return tabulate(rows, head, "github", disable_numparse=True, colalign=("left", *["right"] * (len(head) - 1)))


def processor() -> str:
    """Return what the operating system calls the processor."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


PARTS: Mapping[str, Callable[[str, int], Iterator[Comparison]]] = {
    "start": start,
    "verify": verifications,
    "export": exports,
    "v3": provenance,
    "damaged": damaged,
    "backup": backups,
    "report": reports,
}
ON_REQUEST = ("backup", "report", "size")
"""They take minutes, and change rarely."""
IN_ONE_PROCESS = ("checkpoint", "incremental", "size")


def part(name: str, server: str, entries: int, rounds: int) -> Iterator[str]:
    """Measure a part, and yield what was measured as Markdown."""
    if name == "checkpoint":
        yield f"{entries // 5:,} entries, one worker, seconds of the processor without the server"
        yield checkpoints(entries // 5)
    elif name == "incremental":
        yield f"{entries:,} entries, median of {rounds} rounds"
        yield incremental(build(server, entries, "bench_incremental"), entries, rounds, STEP_S)
    elif name == "size":
        yield f"Median of {rounds} rounds; seconds of the processor without the server"
        yield sizes(server, entries, rounds)
    else:
        yield f"{entries:,} entries, or what a table says; median of {rounds} rounds"
        for one in PARTS[name](server, entries):
            yield from tables(one, compare(one.series, rounds))


def main() -> None:
    """Build the ledgers, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=[*PARTS, *IN_ONE_PROCESS])
    parser.add_argument("--write", action="store_true", help="write the figures into README.md")
    arguments = parser.parse_args()
    # an installed package has its bytecode, and ours would be compiled again by every process that is measured
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    usual = [name for name in (*PARTS, *IN_ONE_PROCESS) if name not in ON_REQUEST]
    machine = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {in_use()}"
    with embedded_server() as server:
        for name in [arguments.only] if arguments.only else usual:
            told = [f"{date.today()}, {machine}, PostgreSQL 18 on the same machine."]
            told += part(name, server, arguments.entries, arguments.rounds)
            print(f"== {name}", *told, sep="\n\n", flush=True)
            if arguments.write:
                write(name, "\n\n".join(told))


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
