"""Output that READMEs quote, compared byte for byte with what their commands print.

A block of text that follows a block of commands quotes what the last of them prints. A comment between the two chooses
parts of it, each from a line that begins with one text to a line that begins with another:

    <!-- from "TAMPERED" to "TAMPERED"; from "entry_hash:" to "  next" -->

`pytest tests/test_documentation.py --rewrite` writes the quotes again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

QUOTE = re.compile(
    r"^```console\n(?P<commands>(?:(?!```).)*)```\n\n"
    r"(?:<!-- (?P<choice>from .*?) -->\n\n)?"
    r"^```text\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
PART = re.compile(r'from "(.*?)" to "(.*?)"')
ANY_DAY = "2026-05-21"


@dataclass(frozen=True)
class Quote:
    """A quote in a README: what it says, and which parts of the output it is made of."""

    readme: Path
    commands: str
    choice: str
    text: str

    def of(self, output: str) -> str:
        """Return what the quote has to say, given what the last command printed."""
        lines = settled(output).rstrip().splitlines()
        if not self.choice:
            return "".join(f"{line}\n" for line in lines)
        return "…\n".join(self._part(lines, first, last) for first, last in PART.findall(self.choice))

    def _part(self, lines: list[str], first: str, last: str) -> str:
        start = next((number for number, line in enumerate(lines) if line.startswith(first)), None)
        assert start is not None, f"{self.readme}: no line begins with {first!r}:\n" + "\n".join(lines)
        end = next((number for number, line in enumerate(lines[start:], start) if line.startswith(last)), None)
        assert end is not None, f"{self.readme}: no line after {first!r} begins with {last!r}:\n" + "\n".join(lines)
        return "".join(f"{line}\n" for line in lines[start : end + 1])

    def write(self, said: str) -> None:
        """Put into the README what the quote has to say."""
        text = self.readme.read_text(encoding="utf-8")
        for found in QUOTE.finditer(text):
            if found["commands"] == self.commands:
                start, end = found.span("text")
                self.readme.write_text(text[:start] + said + text[end:], encoding="utf-8")
                return


def quotes(readme: Path) -> list[Quote]:
    """Return every quote of a README."""
    found = QUOTE.finditer(readme.read_text(encoding="utf-8"))
    return [Quote(readme, one["commands"], one["choice"] or "", one["text"]) for one in found]


def settled(output: str) -> str:
    """Return output with the moment, the duration and the server's minor version of every run replaced."""
    now = datetime.now(timezone.utc)
    for day in (now, now - timedelta(days=1)):  # a run may begin before midnight
        date = day.strftime("%Y-%m-%d")
        output = re.sub(rf"{date}([T ])\d\d:\d\d:\d\d(\.\d+)?", rf"{ANY_DAY}\g<1>15:30:00", output).replace(
            date, ANY_DAY
        )
    output = re.sub(r"\b\d+\.\d\d ?s\b", "1.00 s", output)
    return re.sub(r"PostgreSQL (\d+)\.\d+", r"PostgreSQL \1", output)
