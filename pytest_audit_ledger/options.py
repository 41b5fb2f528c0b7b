"""Every option, declared once. Both front ends, the reference and the arguments of an evidence run are made from this.

One rule derives each spelling from the name `x-y`:

    command `audit-ledger`   --x-y, and --ledger-x-y if pytest has the option, which --help does not show
    pytest                   --ledger-x-y
    pytest's ini file        ledger_x_y
    Python                   x_y, with an s if the option is repeatable, with a _ if it would hide a builtin

What does not follow the rule is listed with the option: `spellings`, `variable`. Two options may share a name if no
command takes both, and only one of them belongs to pytest.

pytest imports this module in every run, so it imports next to nothing.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Any

from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES


class Type(Enum):
    """What the value of an option is; the value of the member is what help calls it."""

    TEXT = "TEXT"
    FLAG = ""
    SWITCH = " "
    """A flag that can also be switched off, by --no-x-y."""
    WHOLE = "N"
    NUMBER = "NUMBER"
    CHOICE = "CHOICE"
    FILE = "FILE"
    FOLDER = "DIR"
    DSN = "DSN"


@dataclass(frozen=True)
class Option:
    """One option.

    `commands`: those of `audit-ledger` that take it, of which `required_in` need it. `in_pytest`: pytest has it as an
    option, `in_ini`: as a setting. `least` and `most` bound a number. `default_text` describes a default that is no
    value. `must_exist`: the file is read. `short` is a letter. `variable` is read if a command is given nothing.
    """

    name: str
    help: str
    type: Type = Type.TEXT
    commands: tuple[str, ...] = ()
    required_in: tuple[str, ...] = ()
    in_pytest: bool = False
    in_ini: bool = False
    repeatable: bool = False
    default: Any = None
    default_text: str = ""
    metavar: str = ""
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    must_exist: bool = False
    short: str = ""
    spellings: tuple[str, ...] = ()
    variable: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The spellings of the command that --help shows."""
        return self.spellings or (f"--{self.name}",)

    @property
    def pytest(self) -> str:
        """The spelling of pytest, which the command takes as well if pytest has the option."""
        return f"--ledger-{self.name}"

    @property
    def ini(self) -> str:
        """The name of the setting in pytest's ini file."""
        return f"ledger_{self.name.replace('-', '_')}"

    @property
    def parameter(self) -> str:
        """The name of the parameter that Python code gets."""
        name = self.shown[0].removeprefix("--").replace("-", "_")
        name += "s" if self.repeatable else ""
        return f"{name}_" if hasattr(builtins, name) else name

    @property
    def value_name(self) -> str:
        """What help calls the value; empty for a flag."""
        return self.metavar or ("|".join(self.choices) if self.choices else self.type.value.strip())

    @property
    def is_flag(self) -> bool:
        """Whether the option takes no value."""
        return self.type in (Type.FLAG, Type.SWITCH)

    @property
    def bounds(self) -> str:
        """What a number must be, in words."""
        least = f" of at least {self.least:,}" if self.least is not None else ""
        most = f" and at most {self.most:,}" if self.most is not None else ""
        return f"{'a whole number' if self.type is Type.WHOLE else 'a number'}{least}{most}"

    def allows(self, number: float) -> bool:
        """Tell whether a number is within the bounds."""
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)

    @property
    def default_shown(self) -> str:
        """The default in words; empty if there is none to speak of."""
        if self.type is Type.SWITCH:
            return "yes" if self.default else "no"
        return self.default_text or ("" if self.default is None or self.is_flag else str(self.default))


_VERIFY = ("verify", "investigate", "report", "evidence")
_SET_UP = (*_VERIFY, "drill")
_TRY = ("profile explain", "profile test")
_READ = (*_VERIFY, "export", "backup", "checkpoint create", "checkpoint prove", *_TRY)
_CHECKPOINTS_ALONE = ("checkpoint verify", "checkpoint list", "checkpoint check-proof")
_CHECKED_LATER = ("backup verify", "evidence verify")
_SUITE = ("suite lint", "suite list", "suite explain", "suite schema", "suite init", "suite kinds")
_PROFILE = ("profile list", "profile lint")
_INFER = ("profile infer",)
_RESTORE = ("backup verify", "diff", "investigate")
EVERY_COMMAND = (
    *(*_READ, "drill", "diff", "backup verify", "evidence verify", "checkpoint keygen"),
    *(*_CHECKPOINTS_ALONE, *_SUITE, *_PROFILE, *_INFER, "vectors"),
)

# fmt: off
SECTIONS: dict[str, tuple[Option, ...]] = {
    "The ledger": (
        Option("db",
            "The ledger: the DSN of a database, or env:NAME to take it from a variable; or a file or s3://BUCKET/FILE "
            "(.json, .jsonl, .csv or .tsv, also with .gz); or demo or demo:tampered, a sample that also exists for the "
            "other shipped profiles.",
            Type.DSN, (*_READ, "drill"), required_in=_READ, in_pytest=True, in_ini=True,
            spellings=("--ledger-db", "--source"), variable="LEDGER_DSN"),
        Option("db", "The database with the table, as a DSN, or env:NAME to take it from a variable.",
            Type.DSN, _INFER, required_in=_INFER, spellings=("--ledger-db",), variable="LEDGER_DSN"),
        Option("profile",
            "What the ledger looks like and how its hashes are made: a shipped profile by its name, or a file "
            "NAME.profile.yaml.",
            Type.TEXT, (*_READ, "drill", "diff", "backup verify", "suite explain", "checkpoint check-proof"),
            required_in=_TRY, in_pytest=True, in_ini=True, default_text="ski", metavar="NAME|FILE"),
        Option("table", "The ledger's table, as schema.table.",
            Type.TEXT, (*_READ, "drill", "diff"), in_pytest=True, in_ini=True, metavar="NAME",
            default_text=f"the table that the profile names: {defaults.TABLE} for ski"),
        Option("table", "The table, as schema.table.", Type.TEXT, _INFER, required_in=_INFER, metavar="NAME"),
        Option("timeout", "How long one statement may take on the server. A scan is one statement.",
            Type.WHOLE, (*_READ, *_INFER, "drill", "diff", "backup verify"), in_pytest=True, default=defaults.TIMEOUT_S,
            metavar="SECONDS", least=1, most=defaults.LONGEST_TIMEOUT_S),
    ),
    "Output": (
        Option("output", "Also write the result to FILE: JSON if its name ends in .json, otherwise text.",
            Type.FILE, ("verify", "investigate"), short="o"),
        Option("output", "Also write the result to FILE: .html, .json or .txt.", Type.FILE, ("drill",), short="o"),
        Option("output",
            "The file or s3://BUCKET/FILE to write: .json, .jsonl or .csv, also with .gz. Use - for standard output.",
            Type.FILE, ("export",), required_in=("export",), metavar="FILE|-", short="o"),
        Option("output", "The file to write: .html, .json or .md.",
            Type.FILE, ("report",), required_in=("report",), short="o"),
        Option("output", "The folder to create, or s3://BUCKET/PREFIX. It must be new, or empty.",
            Type.FOLDER, ("evidence",), required_in=("evidence",), short="o"),
        Option("output", "The file or s3://BUCKET/FILE to write: .sql or .dump, also with .gz.",
            Type.FILE, ("backup",), required_in=("backup",), short="o", spellings=("--output", "--out")),
        Option("output", "The new file to write the signing key to.",
            Type.FILE, ("checkpoint keygen",), required_in=("checkpoint keygen",), short="o"),
        Option("output", "The folder of checkpoints, or s3://BUCKET/PREFIX. It is created if it does not exist.",
            Type.FOLDER, ("checkpoint create",), required_in=("checkpoint create",), short="o"),
        Option("output", "The file to write the proof to, such as 42.tlog-proof.",
            Type.FILE, ("checkpoint prove",), required_in=("checkpoint prove",), short="o"),
        Option("output", "The profile to write. An existing file is never overwritten.",
            Type.FILE, _INFER, short="o", default_text="the name of the table, and .profile.yaml"),
        Option("format", "How to print the result.",
            Type.CHOICE, ("investigate", "drill", "diff"), default="text", choices=("text", "json")),
        Option("format", "How to print the result. oscal is assessment results, for GRC tools.",
            Type.CHOICE, ("verify",), default="text", choices=("text", "json", "oscal")),
        Option("format", "How to write the file.",
            Type.CHOICE, ("export",), default_text="by the name of the file, otherwise json",
            choices=defaults.EXPORT_FORMATS),
        Option("format", "plain is for psql, custom for pg_restore.",
            Type.CHOICE, ("backup",), default_text="by the name of the file", choices=defaults.BACKUP_FORMATS),
        Option("force",
            "Overwrite an existing export, backup, report or OSCAL file, and its manifest. Without this, none is "
            "overwritten.",
            Type.FLAG, ("export", "report", "backup", "evidence"), in_pytest=True),
        Option("object-lock",
            "Lock what is written to s3://BUCKET/… for this many days: compliance, which nobody can end early, or "
            "governance. The bucket must have object lock.",
            Type.TEXT, ("checkpoint create", "export", "backup", "evidence"), in_pytest=True, metavar="MODE:DAYSd"),
        Option("verbose", "Print the full report, with every rule and finding.", Type.FLAG, ("verify",), short="v"),
        Option("quiet", "Print errors only. The exit code gives the result.",
            Type.FLAG, EVERY_COMMAND, short="q"),
        Option("no-color", "Print without colors. The variable NO_COLOR does the same.", Type.FLAG, EVERY_COMMAND),
    ),
    "Verification": (
        Option("suite",
            "A suite of checks to run in addition to the default one: a file of your own, or a shipped one such as "
            "compliance.ledger.yaml.",
            Type.FILE, _SET_UP, repeatable=True),
        Option("suites", "Suites to run instead of the default one, relative to the ini file.",
            Type.FILE, in_ini=True, repeatable=True),
        Option("check-timestamps", "Check that timestamps never decrease.",
            Type.SWITCH, ("verify", "investigate", "report", "drill"), default=True),
        Option("workers",
            "Processes that share the scan, each with its own connection. auto decides by the size of the ledger and "
            "the number of processors; with a Dask cluster, by the number of its threads.",
            Type.TEXT, _VERIFY, in_pytest=True, default="auto", metavar="N|auto"),
        Option("executor",
            "Who reads the parts of the ledger: processes of this machine; the workers of a Dask scheduler "
            "(dask:tcp://HOST:8786 or dask:tls://HOST:8786); or the concurrent.futures.Executor that MODULE:FACTORY() "
            "returns. --workers is then how many parts are read at a time, and --timeout also bounds how long one may "
            "take to come back. This process keeps the snapshot open until the last part is there, and Ctrl-C stops "
            "all readers.",
            Type.TEXT, _VERIFY, in_pytest=True, in_ini=True, default="local", metavar="NAME"),
        Option("samples", "How many findings, or differences, to show for each check. All are counted.",
            Type.WHOLE, (*_VERIFY, "diff"), in_pytest=True, default=DEFAULT_SAMPLES, least=1),
        Option("allow-empty", "Accept a ledger without entries: checks that need entries are skipped.",
            Type.FLAG, _VERIFY, in_pytest=True),
        Option("standby-tolerance",
            "How far a standby may be behind its primary, such as 90s or 5m. If it is further behind, or paused, the "
            "ledger is UNVERIFIED.",
            Type.TEXT, (*_VERIFY, "export", "backup", "checkpoint create"), in_pytest=True,
            default=defaults.STANDBY_TOLERANCE, metavar="AGE"),
        Option("allow-integrity-waivers",
            "Let the waivers of a suite excuse integrity findings, too. The assurance stays TAMPERED.",
            Type.FLAG, _SET_UP, in_pytest=True),
        Option("transcript-key",
            "A PEM file with an Ed25519 public key that signs transcripts. Give every key that was ever in use. "
            "Without a key, transcript signatures are not verified, and the check warns.",
            Type.FILE, _SET_UP, in_pytest=True, repeatable=True, metavar="PEM"),
    ),
    "Checkpoints": (
        Option("checkpoint",
            "Check the ledger against every checkpoint in this folder, or s3://BUCKET/PREFIX. `checkpoint prove` uses "
            "the newest.",
            Type.FOLDER, (*_SET_UP, "checkpoint prove", "backup verify"), required_in=("checkpoint prove",),
            in_pytest=True, repeatable=True),
        Option("verifier-key", "A key that you trust to sign checkpoints, or a file that holds it.",
            Type.TEXT,
            (*_SET_UP, *_CHECKPOINTS_ALONE, "checkpoint create", "checkpoint prove", *_CHECKED_LATER),
            required_in=("checkpoint prove", *_CHECKPOINTS_ALONE), in_pytest=True, repeatable=True, metavar="KEY|FILE"),
        Option("require-checkpoint", "Fail if a folder has no checkpoint. Without this, lost checkpoints go unnoticed.",
            Type.FLAG, _SET_UP, in_pytest=True),
        Option("max-unanchored",
            "How many entries (1000) may be newer than the newest checkpoint, or how old the oldest of them may be "
            "(24h), before the run fails.",
            Type.TEXT, _SET_UP, in_pytest=True, metavar="ROWS|AGE"),
        Option("since-checkpoint",
            "Read only the entries after the newest trusted checkpoint. Every output says that older ones were not "
            "re-read.",
            Type.FLAG, ("verify", "checkpoint create"), in_pytest=True),
        Option("recheck",
            "If only new entries are read: also re-read one of N parts of the older ones, a different part each day. "
            "1/30 covers all of them in a month.",
            Type.TEXT, ("verify", "checkpoint create"), in_pytest=True, metavar="1/N"),
        Option("write-checkpoint",
            "If no check failed, sign a checkpoint of the entries that were read, and write it to DIR.",
            Type.FOLDER, in_pytest=True),
        Option("signing-key",
            "The key to sign with, from `audit-ledger checkpoint keygen`. It also signs the manifest of evidence.",
            Type.FILE, ("checkpoint create", "evidence"), required_in=("checkpoint create",), in_pytest=True),
        Option("accept-guards",
            "Accept the table's protections as they are now, even if they differ from the newest checkpoint.",
            Type.FLAG, ("checkpoint create",)),
        Option("origin", "The name of the ledger, such as bank.example/ledger, without spaces.",
            Type.TEXT, ("checkpoint keygen",), required_in=("checkpoint keygen",), metavar="NAME"),
        Option("entry", "The sequence number of the entry to prove.",
            Type.WHOLE, ("checkpoint prove",), required_in=("checkpoint prove",), least=1),
        Option("entry-file", "The entry, as one line of an export (.jsonl) with all columns.",
            Type.FILE, ("checkpoint check-proof",), required_in=("checkpoint check-proof",), must_exist=True),
    ),
    "Investigation": (
        Option("investigate",
            "If the ledger does not verify, report what happened to it. Reports do that for a few seconds without this "
            "option, for up to a minute with it. `audit-ledger investigate` says more.",
            Type.FLAG, ("report",), in_pytest=True),
        Option("entry", "Report on the entry with this sequence number, and on nothing else in detail.",
            Type.WHOLE, ("investigate",), least=1),
        Option("stream", "The stream of the entry, if several streams have an entry with this number.",
            Type.TEXT, ("investigate",)),
        Option("against", "Another copy of the ledger to compare with: a backup, an export or a database.",
            Type.TEXT, ("investigate",), metavar="BACKUP|EXPORT|DSN"),
        Option("limit-seconds",
            "How long to search for what entries said before, after they were read. 0 skips the search.",
            Type.NUMBER, ("investigate",), default=defaults.RECONSTRUCTION_S, metavar="SECONDS", least=0),
    ),
    "Profiles": (
        Option("entry", "The number of the entry whose hash to explain.",
            Type.WHOLE, ("profile explain",), required_in=("profile explain",)),
        Option("stream", "The stream of the entry, if several streams have an entry with this number.",
            Type.TEXT, ("profile explain", "checkpoint prove")),
        Option("limit-seconds", "How much processor time to search for a recipe. A busy machine takes longer.",
            Type.NUMBER, _INFER, default=defaults.INFERENCE_S, metavar="SECONDS", least=0),
        Option("columns", "The columns that are hashed, in their order, if you know them.",
            Type.TEXT, _INFER, metavar="A,B"),
        Option("separator", "The text between the values that are hashed, if you know it.",
            Type.TEXT, _INFER, metavar="TEXT"),
        Option("key", "The key of an HMAC, as env:NAME or @FILE. It is never printed.",
            Type.TEXT, _INFER, metavar="env:NAME|@FILE"),
        Option("sample", "A file with the bytes that were hashed for one entry.",
            Type.FILE, _INFER, must_exist=True),
        Option("source", "A file of the program that writes the table, in any language. Its columns, "
            "orders, keys, texts, dates and time zones are tried first, with those in functions of the database.",
            Type.FILE, _INFER, must_exist=True),
    ),
    "Export": (
        Option("export",
            "Export the entries that the checks read to FILE (.json, .jsonl or .csv, also with .gz), with a manifest "
            "next to it.",
            Type.FILE, ("evidence",), in_pytest=True),
        Option("fields", "The columns to export, in this order.",
            Type.TEXT, ("export",), in_pytest=True, default_text="all", metavar="A,B"),
        Option("date-range",
            "Export, and report on, only the entries of these days, including the last day. Full timestamps work, too.",
            Type.TEXT, ("export",), in_pytest=True, metavar="FROM,TO"),
        Option("start-date", "The first day to export or report on, or a full timestamp.",
            Type.TEXT, ("export", "report", "evidence"), metavar="DATE"),
        Option("end-date", "The last day to export or report on, or a full timestamp. It is included.",
            Type.TEXT, ("export", "report", "evidence"), metavar="DATE"),
        Option("time-zone",
            "The time zone of the days, such as Europe/Berlin. Date ranges and charts follow it; hashes never do.",
            Type.TEXT, ("export", "report", "evidence"), in_pytest=True, default_text="UTC", metavar="ZONE"),
        Option("verdict", "Export only entries with this verdict. Separate several with commas.",
            Type.TEXT, ("export",), in_pytest=True, metavar="V", spellings=("--verdict-filter",)),
        Option("rule", "Export only entries of this rule.",
            Type.TEXT, ("export",), in_pytest=True, metavar="R", spellings=("--rule-id",)),
        Option("limit", "Export only the first N entries.", Type.WHOLE, ("export",), in_pytest=True),
        Option("excel-safe", "In CSV, put an apostrophe before values that a spreadsheet would run as a formula.",
            Type.FLAG, ("export",)),
        Option("with-verifier",
            "Write verify.py next to the export, which verifies it with Python alone, and the profile that it needs.",
            Type.FLAG, ("export",), in_pytest=True),
        Option("verify",
            "Verify the ledger in the same snapshot, record the result in the manifest, and exit as verify does.",
            Type.FLAG, ("export",)),
    ),
    "Report and evidence": (
        Option("report", "Report on the checks and the entries that they read: .html, .json or .md.",
            Type.FILE, in_pytest=True),
        Option("evidence",
            "File everything in a new folder at the end of the run: JUnit file, report, verification, OSCAL, suites, "
            "other files written, and a manifest. `audit-ledger evidence verify DIR` checks the folder.",
            Type.FOLDER, in_pytest=True),
        Option("junit-strict",
            "Write a JUnit file that is valid by the schema of Jenkins: facts about a check are in its output, not in "
            "properties.",
            Type.FLAG, ("evidence",), in_pytest=True),
        Option("ssh-key",
            "Sign the manifest of the evidence with this SSH private key. `ssh-keygen -Y verify` checks the signature.",
            Type.FILE, ("evidence",), in_pytest=True),
        Option("allowed-signers",
            "Require a signature by one of the SSH keys in this file, which has the form of ssh-keygen's.",
            Type.FILE, ("evidence verify",)),
        Option("rerun",
            "Also verify the exports in the folder again, with the suites and the profile that are filed.",
            Type.FLAG, ("evidence verify",)),
        Option("oscal", "Write the result as assessment results of OSCAL, which GRC tools import.",
            Type.FILE, in_pytest=True),
        Option("oscal-version", "The version of OSCAL to write. Choose the one that the importing tool reads.",
            Type.CHOICE, ("verify", "evidence"), in_pytest=True, default_text=defaults.OSCAL_VERSIONS[0],
            choices=defaults.OSCAL_VERSIONS),
        Option("oscal-satisfied",
            "In OSCAL, call a control satisfied if the ledger was verified and all checks of the control passed. "
            "Without this only failures are stated: a check supports a control, and rarely covers all of it.",
            Type.FLAG, ("verify", "evidence"), in_pytest=True),
        Option("title", "The title on the cover of the report.",
            Type.TEXT, ("report", "evidence"), in_pytest=True, metavar="T"),
        Option("organization", "The organization on the cover of the report.",
            Type.TEXT, ("report", "evidence"), in_pytest=True, metavar="O"),
        Option("include-verdicts", "Include the section on verdicts, compared with the preceding period.",
            Type.FLAG, ("report",)),
        Option("include-violations", "Include the section on violations, remediation and escalations.",
            Type.FLAG, ("report",)),
        Option("include-timeline", "Include the section on entries over time, by verdict.", Type.FLAG, ("report",)),
        Option("include-audit-trail", "Include the section on checks, with findings, controls and waivers.",
            Type.FLAG, ("report",)),
    ),
    "Backup and comparison": (
        Option("backup",
            "Back up the database to FILE (.sql or .dump, also with .gz and .age), restore it into a scratch "
            "database, verify the result, and write a manifest next to it.",
            Type.FILE, in_pytest=True),
        Option("compress", "Compress with gzip. A name that ends in .gz does the same.", Type.FLAG, ("backup",)),
        Option("encryption-key",
            "Encrypt the backup with age: for a recipient age1... or an SSH public key, or with a passphrase from "
            "@FILE or env:NAME. `audit-ledger backup` also takes prompt.",
            Type.TEXT, ("backup",), in_pytest=True, metavar="KEY"),
        Option("encryption-key", "The passphrase that opens the backup: @FILE, env:NAME or prompt.",
            Type.TEXT, _RESTORE, metavar="KEY"),
        Option("identity", "The private key that opens the backup: of age-keygen, or of SSH.",
            Type.FILE, _RESTORE, short="i"),
        Option("verify",
            "Verify the ledger in the same snapshot, restore the backup, verify the result, and exit as verify does.",
            Type.SWITCH, ("backup",), default=False),
        Option("scratch-db",
            "The server to restore a backup on, or to attack copies on. It is used for new databases only, which are "
            "dropped at the end. The role needs CREATEDB.",
            Type.DSN, ("backup", *_RESTORE, "drill"), in_pytest=True, default_text="a server that is started for this"),
        Option("allow-superuser-scratch",
            "If the role on the scratch server is a superuser, restore and attack as that role. What is restored can "
            "then run programs there. Without this, a role is created for it.",
            Type.FLAG, ("backup", *_RESTORE, "drill"), in_pytest=True),
    ),
    "Repair": (
        Option("repair",
            "First restore the table's protections (triggers, constraints, indexes), after you confirm. Entries are "
            "never changed.",
            Type.FLAG, ("verify",)),
        Option("yes", "With --repair: do not ask.", Type.FLAG, ("verify",)),
        Option("dry-run", "With --repair: only print the SQL.", Type.FLAG, ("verify",)),
    ),
    "Drill": (
        Option("drill",
            "Attack a copy of the ledger in every known way, with one item for each attack. An item fails if a check "
            "claims to notice the attack and does not. Without --ledger-db, a sample ledger is made.",
            Type.FLAG, in_pytest=True),
        Option("drill-entries",
            "How many entries to copy from the start of the ledger, or to make: "
            f"{defaults.FEWEST_DRILL_ENTRIES} or more.",
            Type.WHOLE, ("drill",), in_pytest=True, default=defaults.DRILL_ENTRIES,
            least=defaults.FEWEST_DRILL_ENTRIES, spellings=("--entries",)),
        Option("attack", "An attack to make.",
            Type.TEXT, ("drill",), repeatable=True, default_text="all", metavar="NAME"),
        Option("list", "List the attacks, and make none.", Type.FLAG, ("drill",)),
    ),
    "Suites": (
        Option("lint", "Report every mistake in the suites, and exit. No ledger is read.", Type.FLAG, in_pytest=True),
        Option("list", "List the checks of the suites with kind, severity, controls and place, and exit.",
            Type.FLAG, in_pytest=True),
        Option("explain", "Explain the check with this id, with its SQL, and exit.", in_pytest=True, metavar="ID"),
        Option("kinds", "Describe every kind of check with its parameters, and exit.", Type.FLAG, in_pytest=True),
        Option("schema", "Print the JSON Schema of suites with all kinds, for editors, and exit.",
            Type.FLAG, in_pytest=True),
        Option("init", "Write a suite with comments to start from, my.ledger.yaml, and exit. Nothing is overwritten.",
            Type.FLAG, in_pytest=True),
    ),
}
# fmt: on
"""The options by subject, in the order in which help shows them."""

OPTIONS = tuple(chain.from_iterable(SECTIONS.values()))

OF_PYTEST = {option.name: option for option in OPTIONS if option.in_pytest or option.in_ini}
"""The options and settings of pytest by name."""

TOOLS = tuple(option.name for option in SECTIONS["Suites"])
"""The options of pytest that do their work instead of a run, and exit."""


def options_of(command: str) -> tuple[Option, ...]:
    """Return the options of a command such as `verify` or `checkpoint create`."""
    return tuple(option for option in OPTIONS if command in option.commands)
