"""The options and ini settings that the plugin adds to pytest, as pytest wants them declared."""

from __future__ import annotations

import pytest

# as in verification.py, sources/postgres.py and drill/trials.py, which a run without a ledger does not import
SAMPLES = 20
TIMEOUT_S = 3600
DRILL_ENTRIES = 2000


TOOLS = {
    "--ledger-lint": "Look for mistakes in suites without reading a ledger, tell all of them, and exit.",
    "--ledger-list": "List the checks of suites with kind, severity, controls and place, and exit.",
    "--ledger-kinds": "Describe every kind of check with its parameters, and exit.",
    "--ledger-schema": "Print the JSON Schema of suites with all kinds, for editors, and exit.",
    "--ledger-init": "Write a commented suite to begin with, my.ledger.yaml, and exit; nothing is overwritten.",
}
"""The flags that do their work and exit; --ledger-explain is another, with a value."""


def add_options(parser: pytest.Parser) -> None:
    """Declare options and ini settings."""
    group = parser.getgroup("audit ledger", "audit ledger: prove that a ledger was not tampered with")
    group.addoption(
        "--ledger-db",
        metavar="DSN",
        help="The ledger's database: postgresql://user@host/database, 'host=… dbname=…', service=NAME, or env:NAME for "
        "the value of an environment variable; or an export (.json, .jsonl or .csv, also with .gz); or demo or "
        "demo:tampered to try things out. Without it (or the ini setting ledger_db) this plugin does nothing. PG* "
        "variables and ~/.pgpass work as everywhere.",
    )
    group.addoption(
        "--ledger-table",
        metavar="NAME",
        help="The ledger's table, as schema.table (default: public.ledger_entries).",
    )
    group.addoption(
        "--ledger-workers",
        metavar="N|auto",
        default="auto",
        help="Processes that share the scan, each over its own connection; auto chooses by the size of the ledger and "
        "the processors at hand (default: auto).",
    )
    group.addoption(
        "--ledger-samples",
        metavar="N",
        type=int,
        default=SAMPLES,
        help=f"Findings shown for each check; all are counted (default: {SAMPLES}).",
    )
    group.addoption(
        "--ledger-timeout",
        metavar="SECONDS",
        type=int,
        default=TIMEOUT_S,
        help=f"Seconds one statement may take on the server; a scan is one statement (default: {TIMEOUT_S}).",
    )
    group.addoption(
        "--ledger-allow-empty",
        action="store_true",
        help="Skip, instead of fail, what an empty ledger leaves unproven.",
    )
    group.addoption(
        "--ledger-allow-integrity-waivers",
        action="store_true",
        help="Let the waivers of a suite excuse findings about integrity, too. The assurance stays TAMPERED.",
    )
    group.addoption(
        "--ledger-transcript-key",
        metavar="PEM",
        action="append",
        default=[],
        help="A file with an Ed25519 public key that transcripts may be signed with; repeatable, for keys that were "
        "in use one after the other. Without any, the signatures of transcripts are not verified, which is a warning.",
    )
    group.addoption(
        "--ledger-export",
        metavar="FILE",
        help="When the checks are done, write the entries they read to FILE (.json, .jsonl or .csv, also with .gz), "
        "and beside it a manifest with its SHA-256 and what was proven.",
    )
    group.addoption(
        "--ledger-report",
        metavar="FILE",
        help="When the checks are done, report on them and on the entries they read: .html, .json or .md.",
    )
    group.addoption(
        "--ledger-evidence",
        metavar="DIR",
        help="When the run is over, file everything in a new folder: JUnit file, report, verification, suites, what "
        "else was written, and a manifest. audit-ledger evidence verify DIR checks it.",
    )
    group.addoption("--ledger-title", metavar="T", help="The title on the cover of the report.")
    group.addoption("--ledger-organization", metavar="O", help="The organization on the cover of the report.")
    group.addoption("--ledger-fields", metavar="A,B", help="The columns to export (default: all).")
    group.addoption(
        "--ledger-date-range",
        metavar="FROM,TO",
        help="Export, and report on, the entries of these days only (UTC, the end day included); full timestamps are "
        "taken, too.",
    )
    group.addoption("--ledger-verdict", metavar="V", help="Export entries with this verdict only.")
    group.addoption("--ledger-rule", metavar="R", help="Export entries of this rule only.")
    group.addoption("--ledger-limit", metavar="N", type=int, help="Export the first N entries only.")
    group.addoption(
        "--ledger-checkpoint",
        metavar="DIR",
        action="append",
        default=[],
        help="Hold the ledger against every checkpoint in this folder; repeatable.",
    )
    group.addoption(
        "--ledger-verifier-key",
        metavar="KEY|FILE",
        action="append",
        default=[],
        help="A key that checkpoints must be signed by, or a file that holds it; repeatable.",
    )
    group.addoption(
        "--ledger-require-checkpoint",
        action="store_true",
        help="Fail where a folder has no checkpoint: losing them must not start trust anew unnoticed.",
    )
    group.addoption(
        "--ledger-max-unanchored",
        metavar="ROWS|AGE",
        help="Fail where more entries than this (1000), or one for longer (24h), are in no checkpoint.",
    )
    group.addoption(
        "--ledger-since-checkpoint",
        action="store_true",
        help="Read only the entries that are newer than the newest trusted checkpoint; older ones are not re-read, and "
        "every output says so.",
    )
    group.addoption(
        "--ledger-recheck",
        metavar="1/N",
        help="With it, re-read one of N shares of the older entries, another one each day: 1/30 for a month.",
    )
    group.addoption(
        "--ledger-write-checkpoint",
        metavar="DIR",
        help="When the checks are done and nothing failed, sign a checkpoint of what they read into DIR.",
    )
    group.addoption(
        "--ledger-signing-key", metavar="FILE", help="The key for it, from `audit-ledger checkpoint keygen`."
    )
    group.addoption(
        "--ledger-backup",
        metavar="FILE",
        help="When the checks are done, back the database up to FILE (.sql or .dump, also with .gz and .age), "
        "restore it into a scratch database, verify what comes out, and write a manifest beside it.",
    )
    group.addoption(
        "--ledger-encryption-key",
        metavar="KEY",
        help="Encrypt the backup by age, for age1… or an SSH public key, or with a passphrase: @FILE or env:NAME.",
    )
    group.addoption(
        "--ledger-scratch-db",
        metavar="DSN",
        help="The server to restore the backup, or to attack copies on, in databases of its own that are dropped "
        "(default: one that is started for this).",
    )
    group.addoption(
        "--ledger-drill",
        action="store_true",
        help="Attack a copy of the ledger in every way we know, one item for each attack, and fail where one is missed "
        "that a check claims to notice. Without --ledger-db a ledger is made.",
    )
    group.addoption(
        "--ledger-drill-entries",
        metavar="N",
        type=int,
        default=DRILL_ENTRIES,
        help=f"The first entries to copy for the drill, or how many to make (default: {DRILL_ENTRIES}).",
    )
    group.addoption(
        "--ledger-investigate",
        action="store_true",
        help="When a check failed, find out what happened, in a few seconds, and tell it in brief; audit-ledger "
        "investigate tells all of it.",
    )
    for name, help_text in TOOLS.items():
        group.addoption(name, action="store_true", help=help_text)
    group.addoption("--ledger-explain", metavar="ID", help="Explain a check with the SQL it asks with, and exit.")
    parser.addini("ledger_db", "The ledger's database, as --ledger-db; env:NAME keeps the password out of this file.")
    parser.addini("ledger_table", "The ledger's table, as --ledger-table.")
    parser.addini("ledger_suites", "Suites to run instead of the default one, relative to this file.", type="paths")


def asks_for_a_tool(config: pytest.Config) -> bool:
    """Tell whether this is no run, but one of the tools for writing suites."""
    return config.getoption("--ledger-explain") is not None or any(map(config.getoption, TOOLS))


def named_ledger(config: pytest.Config) -> str | None:
    """Return the DSN that the command line or else the ini file names, None where neither does."""
    dsn: str | None = config.getoption("--ledger-db")
    return dsn if dsn is not None else config.getini("ledger_db") or None
