"""Append three entries to the ledger in LEDGER_DSN, as the runtime does all day."""

import os
from datetime import datetime, timezone

import psycopg2

from pytest_audit_ledger import Entry, entry_hash

LAST = "SELECT sequence_number, entry_hash FROM ledger_entries ORDER BY sequence_number DESC LIMIT 1"
INSERT = """
    INSERT INTO ledger_entries (sequence_number, previous_hash, entry_hash, timestamp, verdict, telemetry_id,
                                telemetry_hash, ski_model_version, reasoning)
    VALUES (%s, %s, %s, %s, 'CLEAR', %s, %s, 'demo', 'within limits')
"""


def main() -> None:
    """Append them, each linked to the one before."""
    with psycopg2.connect(os.environ["LEDGER_DSN"]) as connection, connection.cursor() as cursor:
        cursor.execute(LAST)
        number, link = cursor.fetchone()
        for _ in range(3):
            number, moment = number + 1, datetime.now(timezone.utc)
            telemetry = f"{number:064x}"
            entry = Entry(
                sequence_number=number,
                previous_hash=link,
                timestamp=moment.isoformat(),
                verdict="CLEAR",
                telemetry_id=f"demo-{number}",
                telemetry_hash=telemetry,
                rule_id=None,
                knowledge_graph_version=None,
                ski_model_version="demo",
                reasoning="within limits",
                track=None,
            )
            before, link = link, entry_hash(entry)
            cursor.execute(INSERT, (number, before, link, moment, f"demo-{number}", telemetry))


if __name__ == "__main__":
    main()
