"""Other languages, asked what they make of JSON documents and moments, and what our recipes make of the same.

    .venv/bin/python -m tests.model.recipes.languages

writes tests/data/recipes/LANGUAGE.jsonl again, from the languages that this machine has. Debian has them all:
`apt-get install nodejs php-cli golang-go default-jdk-headless`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_audit_ledger.model.recipes import moments
from pytest_audit_ledger.model.recipes.parts import Step
from pytest_audit_ledger.model.recipes.writers import Writer, writer_of

HERE = Path(__file__).parent / "programs"
GOLDEN = HERE.parents[2] / "data" / "recipes"

Ours = Callable[[str], "str | None"]


@dataclass(frozen=True)
class Language:
    """A language: how its program is run, and for each operation of it what our code is to make of the same."""

    program: str
    command: tuple[str, ...]
    documents: Mapping[str, Ours]
    moments: Mapping[str, Ours]

    @contextmanager
    def running(self) -> Iterator[Callable[[str, str], str | None]]:
        """Run the program, and yield the function that asks it for one operation."""
        with tempfile.TemporaryDirectory() as folder:
            command = [*self.command, str(HERE / self.program)]
            if self.program.endswith(".go"):  # `go run` would leave its child behind
                subprocess.run(["go", "build", "-o", f"{folder}/program", command[-1]], check=True)
                command = [f"{folder}/program"]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdin
                assert process.stdout
                asked, answers = process.stdin, process.stdout

                def ask(operation: str, given: str) -> str | None:
                    print(json.dumps({"op": operation, "given": given}), file=asked, flush=True)
                    answer: str | None = json.loads(answers.readline())
                    return answer

                yield ask


def writes(**settings: Any) -> Ours:
    """Return what writes a document in a style, as its bytes hold it: None if it has no UTF-8."""
    order = settings.pop("order", "stored")
    base = Writer(order=order)
    writer = writer_of(settings, base, ())

    def written(text: str) -> str | None:
        made = writer.document(text)
        made = writer.indented(made) if made and writer.indent else made
        return None if made is None or _has_lone_surrogate(made) else made

    return written


def _has_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _moment(step: Step) -> Ours:
    return lambda text: step([text])[0]


def _go(style: str) -> Language:
    return Language(
        "go.go",
        ("go",),
        {
            "html": writes(style=style, order="sorted"),
            "plain": writes(style=style, order="sorted", escape_html=False),
            "indented": writes(style=style, order="sorted", indent="\t"),
        },
        {
            "rfc3339": _moment(moments.iso("trimmed", "Z")),
            "madrid": _moment(moments.iso("trimmed", "Z", "Europe/Madrid")),
            "ns": _moment(moments.unix("ns")),
        },
    )


LANGUAGES: Mapping[str, Language] = {
    "javascript": Language(
        "node.js",
        ("node",),
        {
            "stored": writes(style="javascript"),
            "javascript": writes(style="javascript", order="javascript"),
            "jcs": writes(style="jcs"),
            "indented": writes(style="javascript", indent=2),
        },
        {"iso": _moment(moments.iso("3", "Z")), "ms": _moment(moments.unix("ms"))},
    ),
    "php": Language(
        "php.php",
        ("php",),
        {
            "escaped": writes(style="php"),
            "plain": writes(style="php", ascii=False, escape_slashes=False),
            "precision 17": writes(style="php", precision=17),
            "pretty": writes(style="php", indent=4),
        },
        {
            "iso": _moment(moments.iso("3")),
            "madrid": _moment(moments.iso("0", zone="Europe/Madrid")),
            "madrid without colon": _moment(moments.iso("0", "+0000", "Europe/Madrid")),
        },
    ),
    "java": Language("Moments.java", ("java",), {}, {"instant": _moment(moments.iso("java", "Z"))}),
    "go": _go("go"),
    "go-1.21": _go("go-1.21"),
}


def is_here(name: str) -> bool:
    """Return whether this machine has a language. Go 1.22 writes two control characters in another way."""
    if shutil.which("javac" if name == "java" else LANGUAGES[name].command[0]) is None:
        return False
    if not name.startswith("go"):
        return True
    version = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    return (int(version.split(".")[1]) < 22) == (name == "go-1.21")


DOCUMENTS = (
    *("null", "true", "0", "-0", "-0.0", "0.0", "1.0", "1.50", "1e2", "1E5", "-1.5e-7", "5e-324", "1e400", "-1e400"),
    *("1e15", "1e16", "1e17", "1e20", "1e21", "1e22", "123456789012345678", "0.0001", "0.00001", "0.000001", "1e-7"),
    *(
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "1.7976931348623157e308",
        "0.1",
        "0.30000000000000004",
    ),
    *("1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890", "123456.789e3"),
    r'"\u0000\u0001\b\t\n\u000b\f\r\u001f\u007f\u0080"',
    r'"/<>&\u2028\u2029é\ud83d\ude00\"\\"',
    *(r'"\ud800"', r'"\udc00x"', '""', "[]", "{}", "[[], {}, [null]]"),
    '{"b": 1, "a": 2, "10": 3, "9": 4, "01": 5, "-1": 6, "4294967294": 7, "4294967295": 8, "": 9}',
    '{"b": 1, "a": {"z": 1, "10": 2, "9": 3}, "b": 2}',
    '{"\\ufb33": 1, "\\ud83d\\ude00": 2, "\\u20ac": 3, "é": 4, "A": 5, "a": 6}',
)
MOMENTS = (
    *("2026-05-21T15:30:00.874071Z", "2026-05-21T15:30:00.87Z", "2026-05-21T15:30:00Z", "2026-05-21T15:30:00.0001Z"),
    *("1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z", "2026-03-29T00:59:59.999999Z", "2026-03-29T01:00:00Z"),
    *("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2000-02-29T12:00:00.5Z", "1999-12-31T23:00:00.000001+02:00"),
    *("2026-05-21T15:30:00.123456-11:30", "1950-06-15T12:00:00Z", "2200-01-01T00:00:00Z"),
)


def main() -> None:
    """Write the golden files of the languages that are here."""
    GOLDEN.mkdir(exist_ok=True)
    for name, language in LANGUAGES.items():
        if not is_here(name):
            continue
        with language.running() as ask, (GOLDEN / f"{name}.jsonl").open("w", encoding="ascii") as file:
            for operations, given in ((language.documents, DOCUMENTS), (language.moments, MOMENTS)):
                for operation in operations:
                    for text in given:
                        made = ask(operation, text)
                        print(json.dumps({"op": operation, "given": text, "made": made}), file=file)


if __name__ == "__main__":
    main()
