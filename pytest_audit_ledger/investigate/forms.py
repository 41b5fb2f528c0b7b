"""Other canonicalisations of a payload than the ledger's own. No I/O.

A writer in another language, or one that uses the default options of `json.dumps`, hashes the same values in another
form. The values are the same, so another form is not an edit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from itertools import product
from typing import Any

from pytest_audit_ledger.model.batch import NULL, plain_text
from pytest_audit_ledger.model.entry import HASHED_COLUMNS, PAYLOAD_COLUMNS

_KEYS = {column: key for key, column in PAYLOAD_COLUMNS.items()}


class Nulls(str, Enum):
    """What the payload has for a missing value, in words."""

    KEPT = "null for a missing value"
    LEFT_OUT = "no key for a missing value"
    EMPTY = "an empty text for a missing value"


@dataclass(frozen=True)
class Form:
    r"""One way to write a payload; the default is the ledger's own (`entry.py`, rule 1).

    `escaped`: everything beyond ASCII as `\u` escapes. `spaced`: a space after each comma and colon. `schema_order`:
    keys as the table has its columns, not sorted. `column_name`: the key `knowledge_graph_version` for `kg_version`.
    `quoted_number`: the sequence number as a text. `without`: a column that was not in the payload.
    """

    escaped: bool = False
    spaced: bool = False
    schema_order: bool = False
    column_name: bool = False
    quoted_number: bool = False
    nulls: Nulls = Nulls.KEPT
    without: str = ""

    @property
    def departures(self) -> tuple[str, ...]:
        """The differences from the ledger's own form, in words that follow "hashed"."""
        departures = {
            "with everything beyond ASCII escaped (ensure_ascii)": self.escaped,
            "with spaces after commas and colons": self.spaced,
            "with the keys in the order of the columns, not sorted": self.schema_order,
            "with the key knowledge_graph_version for kg_version": self.column_name,
            "with the sequence number as a text": self.quoted_number,
            f"with {self.nulls.value}": self.nulls is not Nulls.KEPT,
            f"without {self.without}": bool(self.without),
        }
        return tuple(words for words, is_so in departures.items() if is_so)

    @property
    def order(self) -> tuple[str, ...]:
        """The columns in the order of their keys."""
        return HASHED_COLUMNS if self.schema_order else tuple(sorted(HASHED_COLUMNS, key=self._key))

    @property
    def separator(self) -> str:
        """The text between two members."""
        return ", " if self.spaced else ","

    def members(self, column: str, texts: Iterable[str]) -> list[str]:
        """Return the members of the payload for these values of a column, as JSON text; empty if left out."""
        if column == self.without:
            return ["" for _ in texts]
        name = f'"{self._key(column)}":{" " if self.spaced else ""}'
        quote = "" if column == "sequence_number" and not self.quoted_number else '"'
        missing = {Nulls.KEPT: f"{name}null", Nulls.LEFT_OUT: "", Nulls.EMPTY: f'{name}""'}[self.nulls]
        if self.escaped:
            texts = map(_escaped, texts)
        return [missing if text == NULL else f"{name}{quote}{text}{quote}" for text in texts]

    def payloads(self, columns: Mapping[str, Sequence[str]]) -> list[bytes]:
        """Return the payload of each entry of these columns, which hold JSON text like those of a batch."""
        rows: Iterable[Iterable[str]] = zip(*(self.members(name, columns[name]) for name in self.order), strict=True)
        if self.without or self.nulls is Nulls.LEFT_OUT:
            rows = (filter(None, row) for row in rows)
        return [f"{{{text}}}".encode("latin-1") for text in map(self.separator.join, rows)]

    def _key(self, column: str) -> str:
        return column if self.column_name else _KEYS[column]


def _escaped(text: str) -> str:
    return text if text.isascii() else json.dumps(plain_text(text))[1:-1]


CANONICAL = Form()


def _forms() -> tuple[Form, ...]:
    choices: dict[str, Sequence[Any]] = {
        field.name: tuple(Nulls) if field.name == "nulls" else (False, True)
        for field in fields(Form)
        if field.name != "without"
    }
    combined = [Form(**dict(zip(choices, chosen, strict=True))) for chosen in product(*choices.values())]
    others = combined[1:] + [Form(without=column) for column in HASHED_COLUMNS]
    return tuple(sorted(others, key=lambda form: len(form.departures)))


OTHER_FORMS = _forms()
"""Every other form that is tried, those with the fewest differences first."""
