"""What applies unless an option says otherwise, and the values that options may have.

The engine and the table of options (`options.py`) both take them from here, so this module imports nothing.
"""

TABLE = "ledger_entries"

TIMEOUT_S = 3_600
"""Seconds one statement may take on the server; a scan is one statement."""

LONGEST_TIMEOUT_S = 2_147_483
"""The most that PostgreSQL takes: it counts milliseconds in 31 bits."""

RECONSTRUCTION_S = 60
"""Seconds that an investigation may search for what entries said before."""

INFERENCE_S = 60
"""Seconds of processor time that a search for a recipe may take."""

DRILL_ENTRIES = 2_000

FEWEST_DRILL_ENTRIES = 40
"""With fewer, attacks that remove or exchange a few entries would meet the ends of the ledger."""

EXPORT_FORMATS = ("json", "jsonl", "csv")

EXPORT_PART_BYTES = 8 * 1024 * 1024
"""Bytes of text in a part of an export, which one process reads at a time."""

BACKUP_FORMATS = ("plain", "custom")

OSCAL_VERSIONS = ("1.2.3", "1.1.2")
"""The newest, and the one that most tools import."""

STANDBY_TOLERANCE = "5m"
"""How far a standby may be behind its primary before what it shows is not verified."""

DEFAULT_SUITE = "integrity.ledger.yaml"
EXPORT_SUITE = "export.ledger.yaml"


def default_suites(*, of_export: bool) -> tuple[str, ...]:
    """Return the names of the shipped suites that a ledger is verified with; an export has one more."""
    return (DEFAULT_SUITE, EXPORT_SUITE) if of_export else (DEFAULT_SUITE,)
