"""What several writers, or one in another form, leave behind is no tampering."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from threading import Barrier, Thread

import pytest

from pytest_audit_ledger.investigate.incident import Certainty, IncidentType
from pytest_audit_ledger.investigate.reconstruction import Reconstruction
from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry, canonical_payload, canonical_timestamp, entry_hash
from pytest_audit_ledger.scratch.sample import COPY_COLUMNS, sample_entries
from tests.forger import Forger
from tests.support.incidents import copied, investigated, only, told, update, without_keys


def test_an_entry_that_was_hashed_in_another_form_is_not_said_to_be_changed(forger: Forger) -> None:
    last = forger.build(100).entry(100)
    one = replace(last, sequence_number=101, previous_hash=entry_hash(last))
    payload = json.dumps(json.loads(canonical_payload(one)), sort_keys=True, ensure_ascii=False)
    digest = sha256(payload.encode()).hexdigest()
    forger.append([one])
    forger.unguarded(update(101, f"entry_hash = '{digest}'"))
    forger.append([replace(one, sequence_number=102, previous_hash=digest)])
    words = "Entry 101 was hashed with spaces after commas and colons; the stored content is proven."
    assert only(investigated(forger, limit_seconds=20)).sentence == words


class Writer:
    """Appends over a connection of its own, after the last entry that it read; two of them wait for each other."""

    def __init__(self, dsn: str, turn: Barrier, number: str) -> None:
        self.dsn, self.turn, self.number = dsn, turn, number

    def append(self) -> None:
        with Forger(self.dsn) as forger:
            last = forger.entry(100)
            self.turn.wait(10)
            ((number,),) = forger.run(f"SELECT {self.number}")
            moment = canonical_timestamp(datetime.now(timezone.utc))
            entry = replace(last, sequence_number=number, previous_hash=entry_hash(last), timestamp=moment)
            forger.append([replace(entry, telemetry_id=f"writer {id(self)}")])


@pytest.mark.parametrize("number", ["101", "nextval('numbers')"], ids=["one number", "two numbers"])
def test_a_fork_by_two_writers_at_the_same_time_is_no_tampering(forger: Forger, number: str) -> None:
    without_keys(forger.build(100))
    forger.run("CREATE SEQUENCE numbers START 101")
    turn = Barrier(2)
    threads = [Thread(target=Writer(forger.dsn, turn, number).append) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = list(forger.entries())[-1]
    moment = canonical_timestamp(datetime.now(timezone.utc))
    forger.append([replace(last, sequence_number=103, previous_hash=entry_hash(last), timestamp=moment)])
    found = investigated(forger, check_timestamps=False)
    fork = found.incidents[0]
    assert fork.what is IncidentType.FORK
    assert fork.sentence.startswith("Two entries follow entry 100: ")
    assert "1 entry is aside" in fork.sentence
    assert {one.what for one in found.incidents} <= {
        IncidentType.FORK,
        IncidentType.PROTECTIONS,
        IncidentType.NUMBERS_SKIPPED,
    }


@pytest.mark.parametrize("writer", [0, 1])
def test_a_number_skipped_after_a_fork_is_no_deletion_whichever_branch_goes_on(forger: Forger, writer: int) -> None:
    """The next entry links to one that exists, though it may not be the one that is read before it."""
    without_keys(forger.build(100))
    last = forger.entry(100)
    linked = replace(last, sequence_number=101, previous_hash=entry_hash(last))
    branches = [replace(linked, telemetry_id=f"writer {number}") for number in range(2)]
    for branch in branches:
        forger.append([branch])
    forger.append([replace(linked, sequence_number=103, previous_hash=entry_hash(branches[writer]))])
    found = investigated(forger, check_timestamps=False)
    assert told(found)[:2] == [(IncidentType.FORK, 101, 101), (IncidentType.NUMBERS_SKIPPED, 102, 102)]
    assert found.incidents[1].because == ("Entry 103 links to entry 101, and its hash covers that link.",)


def written_by(forger: Forger, entries: Iterator[Entry], hashed: Callable[[Entry], Entry]) -> None:
    """Append entries as a writer does that hashes them in another form."""
    link = GENESIS_HASH
    names = COPY_COLUMNS
    for entry in entries:
        linked = replace(entry, previous_hash=link)
        link = entry_hash(hashed(linked))
        values = [*(getattr(linked, name) for name in names[:-1]), link]
        columns = ", ".join(f'"{name}"' for name in names)
        forger.run(f"INSERT INTO ledger_entries ({columns}) VALUES ({', '.join(['%s'] * len(names))})", values)


def in_summer_time(entry: Entry) -> Entry:
    moment = datetime.fromisoformat(entry.timestamp).astimezone(timezone(timedelta(hours=2)))
    return replace(entry, timestamp=moment.isoformat())


def test_a_writer_in_another_time_zone_is_a_form_and_an_edit_inside_is_found(forger: Forger) -> None:
    written_by(forger.build(0), sample_entries(60), in_summer_time)
    forger.unguarded(update(30, "track = 'llm'"))
    found = investigated(forger, limit_seconds=20)
    assert told(found) == [(IncidentType.HASH_FORM, 1, 60), (IncidentType.EDIT, 30, 30)]
    cause, edit = found.incidents
    assert cause.count == 59
    assert "+02:00" in cause.sentence
    assert isinstance(edit.reconstructions[0], Reconstruction)


def test_a_copy_that_was_changed_is_an_edit_and_a_fork_with_an_edit_inside_is_not_called_sound(forger: Forger) -> None:
    copied(forger.build(100))
    forger.unguarded("UPDATE ledger_entries SET track = 'llm' WHERE id = (SELECT max(id) FROM ledger_entries)")
    edit, _ = investigated(forger).incidents
    assert (edit.what, edit.first) == (IncidentType.EDIT, 50)
    assert any("exists twice" in line for line in edit.because)
    forger.unguarded("UPDATE ledger_entries SET track = 'llm' WHERE sequence_number = 50 AND id = 50")
    forger.unguarded("UPDATE ledger_entries SET track = 'symbolic' WHERE sequence_number = 50 AND id > 50")
    found = investigated(forger).incidents
    fork = next(one for one in found if one.what is IncidentType.FORK)
    assert fork.certainty is Certainty.OPEN
    assert fork.because[0].startswith("Not every entry of both branches matches")
