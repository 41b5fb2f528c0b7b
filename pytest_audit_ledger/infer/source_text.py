"""What the text of a program that writes a table suggests: orders of columns, keys, separators, formats, zones. No I/O.

Nothing is parsed: the names of columns in a program, and what is between them, are alike in most languages. A wrong
suggestion costs little, because it is tried like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, product
from types import MappingProxyType
from typing import Any
from zoneinfo import available_timezones

from pytest_audit_ledger.infer.shapes import CONSTANT, PREVIOUS, Shape, template

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r"""'((?:[^'\\\n]|''|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`""")
_SHORT = 3
_PREVIOUS = frozenset(
    ("previous", "prev", "previoushash", "prevhash", "lasthash", "before", "hashbefore", "prior", "priorhash")
)
_MOST_RUNS = 60

_FIELD = re.compile(r"\$?\{([^{}]*)\}|%[sd]")
"""A place in a text that a program fills."""

_WRAPPED = re.compile(
    r"\b(?:to_char|coalesce)\s*\(\s*([\w.]+)[^(),]*,\s*'[^'\n]*'\s*\)|\bat\s+time\s+zone\s+'[^']*'", re.IGNORECASE
)
"""What SQL writes around one name, whose own texts are not part of what is written."""

_KEYED = re.compile(
    r"""(?:(['"])(?P<quoted>\w+)\1\s*(?::|=>|,)|\b(?P<bare>\w+)\s*:(?!:))\s*(?:[\w$]+(?:\.|->|\[['"]|\())*\$?(?P<name>\w+)"""
)
_CONSTANT = re.compile(
    r"""(?:(['"])(?P<quoted>\w+)\1\s*(?::|=>|,)|\b(?P<bare>\w+)\s*:(?!:))"""
    r"""\s*(?:(['"])(?P<text>[^'"\n\\]*)\4|(?P<number>-?\d+)\b(?!\.)|(?P<truth>true|false)\b)(?!\s*(?:if\b|[?|+%.\[]))""",
    re.IGNORECASE,
)
"""A key with a value of its own."""

_INSERT = re.compile(
    r"""\binsert\s+into\s+[\w."]+\s*\(([^()]*)\)\s*values\s*\(((?:[^()]|\([^()]*\))*)\)""", re.IGNORECASE
)
"""The columns that a statement fills, and with what."""

_SEPARATORS = re.compile(r"""separators\s*=\s*\(\s*(['"])(.*?)\1\s*,\s*(['"])(.*?)\3""")

_NULLS = re.compile(r"""\bcoalesce\s*\([^()]*,\s*'([^'\n]+)'\s*\)|(?:\?\?|\bor)\s*['"]([^'"\n]+)['"]""", re.IGNORECASE)

_CHOICES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bcase\s+when\s+(?P<name>[^'\n]*?)\s+then\s*'(?P<one>[^'\n]*)'\s*else\s*'(?P<other>[^'\n]*)'\s*end\b",
        r"""(?P<name>[\w$.>\[\]'"()-]+)\s*\?\s*(['"])(?P<one>[^'"\n]*)\2\s*:\s*(['"])(?P<other>[^'"\n]*)\4""",
        r"""(['"])(?P<one>[^'"\n]*)\1\s+if\s+(?P<name>[^\n]*?)\s+else\s+(['"])(?P<other>[^'"\n]*)\4""",
    )
)
"""Choices between two texts, as SQL, most languages, and Python write them."""

_TOKENS = {
    "YYYY": "%Y",
    "yyyy": "%Y",
    "MM": "%m",
    "DD": "%d",
    "dd": "%d",
    "HH24": "%H",
    "HH": "%H",
    "MI": "%M",
    "mm": "%M",
    "SSSSSS": "%f",
    "US": "%f",
    "SS": "%S",
    "ss": "%S",
}
"""The parts of a moment as to_char, Java and .NET name them, each with the directive of strftime."""
_TOKEN = re.compile("|".join(sorted(_TOKENS, key=len, reverse=True)))


class Source:
    """The text of a program, read for the columns of a table, of which `previous` holds the previous hash."""

    def __init__(self, text: str, columns: Sequence[str] = (), previous: str = "") -> None:
        self.booleans = _booleans(text)
        """What is written for true and false, or for false and true if the choice is one of the contrary."""
        self.text = _unconditional(text)
        self._known = {_plain(name): name for name in columns}
        if previous:
            self._known[_plain(previous)] = PREVIOUS
        self._known = {**dict(self._variables()), **self._known}
        self._constants = {
            _plain(name[1:]): name for name in self.constants if _plain(name[1:]) not in {*self._known, *_PREVIOUS}
        }

    def _variables(self) -> Iterator[tuple[str, str]]:
        """Yield what the program calls a value that it writes to a column: the variables of INSERT, each with that."""
        for found in _INSERT.finditer(self.text):
            columns, values = (re.sub(r"\([^()]*\)", "()", part).split(",") for part in found.groups())
            for column, value in zip(columns, values, strict=False):
                name, known = value.strip(), self._known.get(_plain(column.strip(' \n\t"')))
                if known is not None and _NAME.fullmatch(name):
                    yield _plain(name), known

    @property
    def orders(self) -> list[tuple[str, ...]]:
        """The orders in which columns are named: runs of names of which none occurs twice, also with constants."""
        runs = self._runs(list(self._mentions(self.text)))
        if self._constants:
            runs = [*self._runs(list(self._mentions(self.text, self._constants))), *runs]
        return list(dict.fromkeys(runs))[:_MOST_RUNS]

    @staticmethod
    def _runs(named: Sequence[str]) -> list[tuple[str, ...]]:
        runs: dict[tuple[str, ...], None] = {}
        named = [name for name, _ in groupby(named)]  # `at: entry.at` is one
        for start in range(len(named)):
            run = tuple(_run(named[start:]))
            if len(run) > 1 and not any(other[-len(run) :] == run for other in runs):
                runs[run] = None
        return sorted(runs, key=len, reverse=True)[:_MOST_RUNS]

    @property
    def constants(self) -> dict[str, Any]:
        """The values of keys that are written next to no column, by their names among columns."""
        found: dict[str, Any] = {}
        for one in _CONSTANT.finditer(self.text):
            value: Any = one["text"] if one["text"] is not None else one["number"] and int(one["number"])
            value = one["truth"].lower() == "true" if one["truth"] else value
            found.setdefault(f"{CONSTANT}{one['quoted'] or one['bare']}", value)
        return found

    @property
    def keys(self) -> dict[str, str]:
        """The keys that are written next to columns, by column, and by `PREVIOUS`."""
        found: dict[str, str] = {}
        for match in _KEYED.finditer(self.text):
            for name in self._mentions(match["name"]):
                found.setdefault(name, match["quoted"] or match["bare"])
        return found

    @property
    def separators(self) -> list[str]:
        """The short texts in quotes."""
        texts = (unescaped(text) for text in _texts(self.text))
        return list(dict.fromkeys(text for text in texts if 0 < len(text) <= _SHORT))

    @property
    def json_separators(self) -> list[tuple[str, str]]:
        """The `separators` of Python's json.dumps."""
        return list(dict.fromkeys((found[2], found[4]) for found in _SEPARATORS.finditer(self.text)))

    @property
    def patterns(self) -> list[str]:
        """The patterns of moments, as strftime has them."""
        found = {text: None for text in _texts(self.text) if re.search("%[Yd]", text)}
        for text in _texts(self.text):
            if re.search("yyyy.*dd|dd.*yyyy", text, re.IGNORECASE):
                found[_TOKEN.sub(lambda token: _TOKENS[token[0]], re.sub("['\"]", "", text))] = None
        return list(found)

    @property
    def nulls(self) -> list[str]:
        """The texts that are written for NULL, which is not true either."""
        named = [found[1] or found[2] for found in _NULLS.finditer(self.text)]
        return list(dict.fromkeys([*named, *(text for pair in self.booleans for text in pair if text)]))

    @property
    def zones(self) -> list[str]:
        """The time zones, but not UTC."""
        known = available_timezones()
        return [text for text in dict.fromkeys(_texts(self.text)) if text in known and not _is_utc(text)]

    @property
    def templates(self) -> list[Shape]:
        """The texts with columns in them, perhaps in pieces that the program joins."""
        found: list[Shape] = []
        text = _WRAPPED.sub(lambda found: found[1] or "", self.text)
        for statement in re.split(r";\s*\n", text):
            tokens = list(self._tokens(statement))
            places = [at for at, (is_name, _) in enumerate(tokens) if is_name]
            for start in places[:_MOST_RUNS]:
                found += _template(tokens, start)
        return found

    def _tokens(self, statement: str) -> Iterator[tuple[bool, str]]:
        """Yield texts and names of columns in turn, each with whether it is a name."""
        waiting: list[str] = []
        end = 0
        for quoted in [*_QUOTED.finditer(statement), None]:
            for name in self._mentions(statement[end : quoted.start() if quoted else None]):
                yield from ((False, text) for text in waiting[:1])
                yield True, name
                waiting = waiting[1:]
                if len(waiting) == 1:
                    yield False, waiting.pop()
            if quoted is None:
                return
            end, text = quoted.end(), unescaped(next(part for part in quoted.groups() if part is not None))
            pieces, fields = _FIELD.split(text)[::2], [found[1] for found in _FIELD.finditer(text)]
            if any(fields):
                for piece, field in zip(pieces, [*fields, ""], strict=True):
                    yield False, piece
                    yield from ((True, name) for name in [*self._mentions(field or "")][-1:])
            elif fields:
                waiting = pieces
            else:
                yield False, text

    def _mentions(self, text: str, constants: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
        known = {**constants, **self._known}
        for found in _NAME.finditer(text):
            name = _plain(found[0])
            if name in known:
                yield known[name]
            elif name in _PREVIOUS:
                yield PREVIOUS


def _booleans(text: str) -> list[tuple[str, str]]:
    pairs = [(found["one"], found["other"]) for choice in _CHOICES for found in choice.finditer(text)]
    return list(dict.fromkeys([*pairs, *((other, one) for one, other in pairs)]))


def _unconditional(text: str) -> str:
    """Return a program with what a choice between two texts depends on in place of that choice."""
    for choice in _CHOICES:
        text = choice.sub(lambda found: found["name"], text)
    return text


def _template(tokens: Sequence[tuple[bool, str]], start: int) -> Iterator[Shape]:
    """Yield the templates whose first column is at `start`: with what is before it and after the last, or without."""
    before: dict[str, str] = {}
    gap = after = ""
    for is_name, text in tokens[start:]:
        if is_name and text in before:
            break
        if is_name:
            before[text], gap = gap, ""
        else:
            after = after if gap else text
            gap += text
    after = after if gap else ""
    if len(before) < 2 or not any(before.values()):
        return
    head = tokens[start - 1][1] if start and not tokens[start - 1][0] else ""
    first = next(iter(before))
    for one, tail in product(dict.fromkeys((head, "")), dict.fromkeys((after, ""))):
        yield template({**before, first: one}, tail)


def _run(names: Sequence[str]) -> Iterator[str]:
    """Yield names until one occurs again."""
    seen = set()
    for name in names:
        if name in seen:
            return
        seen.add(name)
        yield name


def _texts(source: str) -> Iterator[str]:
    """Yield the texts in quotes."""
    for found in _QUOTED.finditer(source):
        yield next(part for part in found.groups() if part is not None)


def unescaped(text: str) -> str:
    r"""Return a text in which `\n`, `\t`, `\0` and `\x1f` are what they are in programs."""
    escapes = {"n": "\n", "t": "\t", "0": "\0", "r": "\r"}
    return re.sub(
        r"\\(?:x([0-9a-fA-F]{2})|([nt0r]))",
        lambda found: chr(int(found[1], 16)) if found[1] else escapes[found[2]],
        text,
    )


def _is_utc(zone: str) -> bool:
    return zone.rpartition("/")[2] in ("UTC", "UCT", "GMT", "Zulu", "Universal", "Greenwich", "GMT0", "GMT+0", "GMT-0")


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
