"""A YAML file as plain data, with the place of every value.

Scalars follow the core schema of YAML 1.2 (section 10.3.2): `no` and `1:30` stay strings, `012` is twelve. Duplicate
keys and tags are mistakes. The number of values is limited with aliases expanded, so a small file cannot become huge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import yaml

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.suite import yaml_slips

MOST_NODES = 20_000
"""Values in one file, with its aliases expanded."""

LONGEST_MESSAGE = 1_000

DEEPEST = 40
"""Levels of nesting."""

Path = tuple["str | int", ...]
Place = tuple[int, int, int]
"""Line and column, counted from 1, and the number of characters to underline."""

_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
AMBIGUOUS = re.compile(r"[-+]?[1-9][0-9]{0,2}\.[0-9]{3}")
"""A number that some countries read as thousands, and YAML as a fraction."""

_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS_BOOLEAN = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}


@dataclass(frozen=True)
class Mistake:
    """One thing wrong in a file, with its place."""

    place: Place
    message: str


@dataclass
class YamlDocument:
    """The data of a file, the place of every value (`places`) and key (`keys`) by path, and the mistakes so far."""

    text: str
    subject: str = "suite"
    """What the file is, as messages call it."""
    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    blocks: set[Path] = field(default_factory=set)
    """The paths of texts that were written line by line after a `|`."""
    secrets: set[Path] = field(default_factory=set)
    """The paths of values that no message may show."""

    def place(self, *path: str | int) -> Place:
        """Return the place of the value at a path."""
        return self.places[path]

    def key(self, *path: str | int) -> Place:
        """Return the place of the key at the end of a path."""
        return self.keys[path]

    def within(self, path: Path, text: str, start: int, end: int) -> Place:
        """Return the place of a part of the text at a path; of the whole text, if it is written with escapes."""
        line, column, _ = self.places[path]
        part = text[start:end].partition("\n")[0]
        row = text[:start].rpartition("\n")[2] + part
        if path in self.blocks:
            line, column = line + 1 + text.count("\n", 0, start), 1
        elif "\n" in text[:start]:
            return self.places[path]
        written = "".join(self.text.splitlines()[line - 1 : line])
        found = written.find(row, column - 1)
        if not row or found < 0 or written[column - 1 : found].strip() not in ("", "'", '"'):
            return self.places[path]
        return (line, found + len(row) - len(part) + 1, max(1, len(part)))

    def mistake(self, place: Place, message: str) -> None:
        """Record a mistake, once."""
        if (found := Mistake(place, message)) not in self.mistakes:
            self.mistakes.append(found)

    def render(self, name: str) -> str:
        """Return all mistakes in order of place, each with its line of the file and a mark under it."""
        lines = self.text.splitlines()
        rendered = []
        for mistake in sorted(self.mistakes, key=lambda mistake: mistake.place):
            line, column, width = mistake.place
            source = lines[line - 1] if line <= len(lines) else ""
            shown = self._without_secrets(line, source)
            shown = "".join(" " if printable(character) != character else character for character in shown)
            width = max(1, min(width, len(shown) - column + 1))
            rendered.append(
                f"{name}:{line}:{column}: {printable(mistake.message, LONGEST_MESSAGE)}\n"
                f"{line:5} | {shown}\n"
                f"      | {' ' * (column - 1)}{'^' * width}"
            )
        return "\n".join(rendered)

    def _without_secrets(self, line: int, source: str) -> str:
        """Return a line with an asterisk for each character from a secret on; a secret may be of several lines."""
        for row, column, _ in (self.places[path] for path in self.secrets):
            if row == line:
                source = source[: column - 1] + "*" * len(source[column - 1 :])
        return source


def read_text(path: FilePath, name: str, subject: str, refusal: type[UsageError]) -> tuple[bytes, str]:
    """Return the bytes and the text of a file, which messages call `name` and `subject`. Raises `refusal`."""
    try:
        content = path.read_bytes()
        return content, content.decode("utf-8-sig")
    except OSError as error:
        message = f"The {subject} {path} cannot be read: {error.strerror}."
        raise refusal(message, "Check its name and permissions.") from error
    except UnicodeDecodeError as error:
        line = content[: len(content) - len(error.object) + error.start].count(b"\n") + 1
        raise refusal(f"{name}:{line}:1: the file is not UTF-8.", "Save it as UTF-8.") from error


def parse(text: str, subject: str = "suite") -> YamlDocument:
    """Return the document in `text`; its `mistakes` say what is not valid."""
    document = YamlDocument(text, subject)
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context)
        slip = yaml_slips.find(text.splitlines(), _place(mark)[0], problem)
        if slip is not None:
            document.mistake(slip[:3], slip[3])
        else:
            document.mistake(_place(mark), f"this is not YAML: {problem}")
        return document
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"), 1)
        document.mistake(place, f"this is not YAML: {str(error).splitlines()[0]}")
        return document
    except RecursionError:
        document.mistake((1, 1, 1), f"the file is nested deeper than {DEEPEST} levels")
        return document
    except (ValueError, OverflowError):
        document.mistake((1, 1, 1), "this is not YAML: an escape is not a valid character")
        return document
    except yaml.YAMLError as error:
        document.mistake((1, 1, 1), f"this is not YAML: {str(error).splitlines()[0]}")
        return document
    if root is None:
        document.mistake((1, 1, 1), "the file is empty")
        return document
    document.data = _Builder(document).build(root, ())
    return document


def _place(mark: Any, end: Any = None) -> Place:
    if mark is None:
        return (1, 1, 1)
    width = end.column - mark.column if end is not None and end.line == mark.line else 1
    return (mark.line + 1, mark.column + 1, max(1, width))


class _TooLargeError(Exception):
    pass


class _Builder:
    """Turns YAML nodes into data, within bounds."""

    def __init__(self, document: YamlDocument) -> None:
        self.document = document
        self.nodes = 0

    def build(self, root: yaml.Node, path: Path) -> Any:
        try:
            return self._value(root, path)
        except _TooLargeError:
            message = (
                f"the file has more than {MOST_NODES:,} values or {DEEPEST} levels, counting aliases as written out"
            )
            self.document.mistakes[:] = []
            self.document.mistake((1, 1, 1), message)
            return None

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES or len(path) > DEEPEST:
            raise _TooLargeError
        place = _place(node.start_mark, node.end_mark)
        self.document.places[path] = place
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rpartition(":")[2] not in ("str", "seq", "map"):
            self.document.mistake(place, f"the tag {node.tag!r} has no meaning in a {self.document.subject}; remove it")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node.value, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode):
            return node.value
        if node.style == "|":
            self.document.blocks.add(path)
        if node.style is not None:
            return node.value
        self._find_slips(node, place)
        return _scalar(node.value)

    def _find_slips(self, node: yaml.ScalarNode, place: Place) -> None:
        """Record a plain scalar that YAML reads in another way than its author."""
        first, last = node.start_mark.line + 1, node.end_mark.line + (node.end_mark.column > 0)
        if first < last and (slip := yaml_slips.in_continuation(self.document.text.splitlines(), first, last)):
            self.document.mistake(slip[:3], slip[3])
        if AMBIGUOUS.fullmatch(node.value):
            self.document.mistake(place, ambiguous(node.value))

    def _mapping(self, pairs: Sequence[tuple[yaml.Node, yaml.Node]], path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in pairs:
            place = _place(key_node.start_mark, key_node.end_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                self.document.mistake(place, "a key must be plain text")
                continue
            key = str(key_node.value)
            if key_node.style is None and (advice := yaml_slips.in_key(key)):
                self.document.mistake(place, advice)
                continue
            key_path: Path = (*path, key)
            if key in mapping:
                first = self.document.keys[key_path][0]
                self.document.mistake(place, f"the key {key!r} is already set in line {first}; remove one of them")
                continue
            self.document.keys[key_path] = place
            mapping[key] = self._value(value_node, key_path)
        return mapping


def ambiguous(text: str) -> str:
    """Return the message about a number that matches `AMBIGUOUS`."""
    return f"{text} is ambiguous; write {' or '.join(unambiguous(text))}, or put it in quotes if it is text"


def unambiguous(text: str) -> tuple[str, str]:
    """Return both readings of a number that matches `AMBIGUOUS`: in thousands, and with a fraction."""
    shorter = text.rstrip("0")
    fraction = f"{shorter}0" if shorter.endswith(".") or shorter == text else shorter
    return text.replace(".", ""), fraction


def _scalar(text: str) -> Any:
    """Return the value of a plain (unquoted) scalar in the core schema of YAML 1.2."""
    if text in _WORDS:
        return None
    if text in _WORDS_BOOLEAN:
        return _WORDS_BOOLEAN[text]
    if _INTEGER.fullmatch(text) and len(text) < 30:
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text, 10)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
