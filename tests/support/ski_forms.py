"""The forms of SKI ledgers, for tests: every one, and those of single entries."""

from __future__ import annotations

from dataclasses import asdict, replace

from pytest_audit_ledger.investigate.ski_payloads import CANONICAL, other_forms, payloads_in
from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.entry import Entry
from pytest_audit_ledger.model.forms import SKI_FORMS, Form
from pytest_audit_ledger.model.times import Time

PARTIAL_FORMS = [form for form, _ in other_forms() if any(words.startswith("without ") for words in form.departures)]

EXACT_FORMS = [
    one for form, timed in other_forms() for one in (form, *timed) if form not in PARTIAL_FORMS and one != CANONICAL
]
"""Every form that writes each content in one way, those of simple layouts first."""


def batch_of(entry: Entry, digest: str) -> Batch:
    """Return a batch of one entry with this hash."""
    values = {name: None if value is None else str(value) for name, value in asdict(entry).items()}
    return Batch({name: [json_text(value)] for name, value in {**values, "entry_hash": digest}.items()})


def recognised(entry: Entry, digest: str) -> Form | None:
    """Return the simplest form in which an entry has this hash; None if there is none."""
    batch = batch_of(entry, digest)
    form = SKI_FORMS.search(batch, 0)
    return form and SKI_FORMS.fitting(form, batch, [0])[0]


def payload(form: Form, entry: Entry) -> bytes:
    """Return the payload of an entry in a form."""
    batch = batch_of(entry, "")
    (found,) = payloads_in(form).payloads({name: batch.text(name) for name in batch.names})
    return found


def is_written(form: Form, entry: Entry) -> bool:
    """Return whether a form can write the time of an entry."""
    return form.time is None or form.time.write(entry.timestamp) is not None


def form_with(*departures: str, time: Time | None = None) -> Form:
    """Return the form with these departures of its layout, and with times in this way."""
    found = next(form for form, _ in other_forms() if set(form.departures) == set(departures))
    return found if time is None else replace(found, columns=("timestamp",), time=time)
