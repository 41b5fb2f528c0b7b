"""The verifier that needs nothing but Python, run as an auditor would: by whatever Python there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path

import pytest

from pytest_audit_ledger.standalone import verify

VERIFIER = Path(verify.__file__)
_OLDEST = (3, 9)


@cache
def pythons() -> list[str]:
    """Return the oldest and the newest Python on this machine that the verifier is for."""
    folders = [Path("~/.pyenv/versions").expanduser(), Path("/usr/bin"), Path(sys.executable).parent]
    found = {path.resolve() for folder in folders for path in (*folder.glob("*/bin/python3"), *folder.glob("python3"))}
    versions = {_version(path): str(path) for path in found}
    known = sorted(version for version in versions if version >= _OLDEST)
    return list(dict.fromkeys([versions[known[0]], versions[known[-1]]]))


def _version(path: Path) -> tuple[int, ...]:
    done = subprocess.run([path, "-V"], capture_output=True, text=True, check=True)
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:3])


@dataclass(frozen=True)
class Told:
    """What the verifier said of a folder."""

    code: int
    output: str

    def lines(self, *marks: str) -> list[str]:
        """Return what it marked as `WRONG`, `DIFFERS`, `PROVEN` or `OPEN`."""
        return [line[8:] for line in self.output.splitlines() if line[:7].rstrip() in marks]

    @property
    def against(self) -> list[str]:
        """What speaks against the folder or its entries."""
        return self.lines("WRONG", "DIFFERS")

    @property
    def conclusion(self) -> str:
        """The last line."""
        return self.output.splitlines()[-1]


def verify_folder(folder: Path, *arguments: str, python: str = "") -> Told:
    """Run the verifier on a folder: in this process, or by another Python, isolated from every package."""
    if python:
        command = [python, "-I", "-S", str(VERIFIER), str(folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert not done.stderr or done.returncode == 2, done.stderr
        return Told(done.returncode, done.stdout + done.stderr)
    with pytest.MonkeyPatch.context() as patch, StringIO() as output:
        patch.setattr(sys, "argv", [str(VERIFIER), str(folder), *arguments])
        with redirect_stdout(output), redirect_stderr(output):
            try:
                code = verify.main()
            except SystemExit as error:  # as argparse ends it
                code = int(error.code or 0)
        return Told(code, output.getvalue())


def moved_into(folder: Path, *files: Path) -> Path:
    """Move files into a new folder, which the verifier is to read."""
    folder.mkdir()
    for file in files:
        shutil.move(str(file), folder / file.name)
    return folder
