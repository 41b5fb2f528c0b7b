"""Every command, snippet and suite of a README is run, and every option that one names exists."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.cli import main
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.options import OPTIONS
from pytest_audit_ledger.sources.programs import find
from tests.forger import Forger
from tests.quotes import quotes
from tests.support.databases import drop_database
from tests.support.signers import PEM
from tests.support.warm import Warm

ROOT = Path(__file__).parents[1]
READMES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "checks/**/*.md", "sql/*.md", "examples/**/*.md", "pytest_audit_ledger/**/*.md")
    for path in ROOT.glob(pattern)
)
RESTORED = ("from_sql", "from_dump", "test_ledger")
"""The databases that a README has its reader create."""

RUN_ELSEWHERE = {
    "make demo": "test_make_demo_runs",
    "make test": "what runs this",
    "make lint": ".ci/run",
    "make quick": "a part of make test",
    "make bench": "by hand; it takes minutes",
    "pip install 'pytest-audit-ledger[demo]'": "test_packaging.py, from a wheel of this tree",
}
SCREEN = 60
"""Lines that fit on one."""

SHELL = set("$<>|&;*~`")
"""What only a shell understands."""

SAVED = re.compile(r"Save this as `([^`]+)`:\n\n```\w+\n(.*?)```", re.DOTALL)

INSTALLED = Path("examples/third_party_kind/README.md")
"""Its commands are run where the package is installed: test_packaging.py."""

CLUSTER = Path("examples/cluster/README.md")
"""Its commands are run next to a scheduler and its workers: test_cluster_guide.py."""


def blocks(readme: Path, language: str) -> list[str]:
    """Return the blocks of a README that are marked with this language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / readme).read_text(encoding="utf-8"), re.DOTALL)


def commands(block: str) -> list[tuple[str, int]]:
    """Return the commands of a console block with their expected exit codes."""
    found = []
    for line in block.splitlines():
        command, _, comment = line.removeprefix("$ ").partition("  # ")
        code = re.search(r"exits with (\d)", comment)
        if line.startswith("$ ") and command.strip() not in RUN_ELSEWHERE:
            found.append((command.strip(), int(code.group(1)) if code else 0))
    return found


def cases(language: str) -> list[Any]:
    """Return README and block of every block, named for its first line. What guides do takes a minute in all."""
    return [
        pytest.param(
            readme,
            block,
            id=f"{readme}: {block.splitlines()[0]}",
            marks=[pytest.mark.slow] if readme.parts[0] == "examples" else [],
        )
        for readme in READMES
        if readme not in (INSTALLED, CLUSTER)
        for block in blocks(readme, language)
        if language != "console" or commands(block)
    ]


@pytest.fixture
def environment(forger: Forger, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What a reader has: a ledger in LEDGER_DSN, and our commands on the path before those of the peer."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    ours = scripts / "audit-ledger"
    ours.write_text(f'#!/bin/sh\nexec {sys.executable} -m pytest_audit_ledger "$@"\n')
    ours.chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    major = forger.connection.server_version // 10_000
    tools = [str(find(tool, major).path.parent) for tool in ("psql", "pg_restore")]
    path = os.pathsep.join([str(scripts), str(Path(sys.executable).parent), *tools, os.environ["PATH"]])
    quick = "-p no:anyio -p no:hypothesispytest"  # which the environment of the tests has, and a reader's has not
    services = tmp_path / "pg_service.conf"
    services.write_text("[ledger]\n" + "".join(f"{name}={value}\n" for name, value in parse_dsn(forger.dsn).items()))
    forger.build(100)
    ours_too = {"LEDGER_DSN": "service=ledger", "PGSERVICEFILE": str(services), "PATH": path}
    theirs = {"PYTEST_ADDOPTS": quick, "PYTEST_DEBUG_TEMPROOT": str(tmp_path), "COLUMNS": "100"}
    yield {**inherited, **server_of(forger), **ours_too, **theirs}
    for name in RESTORED:
        drop_database(forger, name)


def server_of(forger: Forger) -> dict[str, str]:
    """Return the variables by which PostgreSQL's programs find the forger's server."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    return {names[name]: value for name, value in parse_dsn(forger.dsn).items() if name in names}


def folder(readme: Path, tmp_path: Path) -> Path:
    """Return where a reader stands: a copy of the example or an empty folder, with the files that the page saves."""
    copy = tmp_path / "copy"
    if readme.parts[0] == "examples":
        shutil.copytree(ROOT / readme.parent, copy)
    else:
        copy.mkdir()
    (copy / "runtime.pem").write_text(PEM)
    for name, text in SAVED.findall((ROOT / readme).read_text(encoding="utf-8")):
        (copy / name).write_text(text, encoding="utf-8")
    return copy


def carried_out(command: str, environment: dict[str, str], warm: Warm) -> tuple[int, str]:
    """Return exit code and output of a command, of which ours runs in this process where it needs no shell.

    That our command is one for the shell as well is shown by those that do, and in tests/cli/test_processes.py.
    """
    ours, _, target = command.partition(" > ")
    program, *arguments = shlex.split(ours)
    if program == "audit-ledger" and not SHELL & set(f"{ours}{target}"):
        result = CliRunner(env=environment).invoke(main, arguments, prog_name=program)
        if target:
            Path(target).write_text(result.stdout, encoding="utf-8")
        return result.exit_code, result.output
    if program == "pytest" and not SHELL & set(command):
        code, *streams = warm.run(arguments, Path.cwd(), environment)
        return code, "".join(streams)
    done = subprocess.run(
        command, shell=True, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("readme", "block"), cases("console"))
def test_the_commands_of_a_readme_do_what_they_say(
    readme: Path,
    block: str,
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
    warm: Warm,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(folder(readme, tmp_path))
    if "s3://" in block:
        environment |= request.getfixturevalue("store").environment
    output = ""
    for command, code in commands(block):
        returned, output = carried_out(command, environment, warm)
        assert returned == code, f"{command}\n{output}"
    for quote in quotes(ROOT / readme):
        if quote.commands == block:
            said = quote.of(output)
            if pytestconfig.getoption("--rewrite"):
                quote.write(said)
            else:
                assert quote.text == said, "to write it again: pytest tests/test_documentation.py --rewrite"


@pytest.mark.parametrize(("readme", "block"), cases("python"))
def test_the_python_of_a_readme_runs(readme: Path, block: str, tmp_path: Path, environment: dict[str, str]) -> None:
    here = folder(readme, tmp_path)
    done = subprocess.run(
        [sys.executable, "-"],
        input=block,
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


HIDING = """
import runpy, sys
missing = ["boto3", "fsspec", "hypothesis", "playwright", "pypdf", "pyrage", "xdist"]
sys.modules.update(dict.fromkeys(missing))
module, sys.argv = sys.argv[1], sys.argv[1:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@pytest.mark.server
def test_make_demo_runs() -> None:
    """The recipe of the Makefile, with none of the packages that only the tests need.

    Its installation is left out, which needs a fresh clone to mean anything.
    """
    recipe = re.search(r"^demo:.*\n\t\$\(BIN\)/python -m (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    only_ours = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_audit_ledger.plugin"}
    done = subprocess.run(
        [sys.executable, "-c", HIDING, *recipe.group(1).split()],
        cwd=ROOT,
        env={**inherited, **only_ours},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 passed, 3 skipped" in done.stdout
    assert "SELF-CONSISTENT" in done.stdout


@pytest.mark.parametrize("readme", READMES, ids=str)
def test_every_option_that_a_document_names_exists(readme: Path) -> None:
    named = set(re.findall(r"--ledger-[a-z-]*[a-z]", (ROOT / readme).read_text(encoding="utf-8")))
    assert named <= {option.pytest for option in OPTIONS if option.in_pytest}


def test_the_role_of_a_readme_verifies_and_can_do_no_more(environment: dict[str, str], forger: Forger) -> None:
    """One readme after the other creates it, and this server is there for all."""
    for readme in (Path("README.md"), Path("examples/first_ledger/README.md")):
        (statements,) = blocks(readme, "sql")
        forger.run(statements)
        auditor = make_dsn(**{**parse_dsn(forger.dsn), "user": "auditor", "password": "choose a password"})
        try:
            result = CliRunner(env=environment).invoke(main, ["verify", "--ledger-db", auditor])
            assert result.exit_code == 0, result.output
            reader = Forger(auditor)
            for change in ("INSERT INTO ledger_entries DEFAULT VALUES", "DELETE FROM ledger_entries"):
                with pytest.raises(LedgerError, match="permission denied"):
                    reader.run(change)
            reader.connection.close()
        finally:
            forger.run("DROP OWNED BY auditor; DROP ROLE auditor")


def test_the_steps_for_ci_in_the_readme_verify(environment: dict[str, str], tmp_path: Path) -> None:
    (steps,) = (yaml.safe_load(block) for block in blocks(Path("README.md"), "yaml"))
    install, verify = steps
    assert install["run"] == "python -m pip install pytest-audit-ledger"
    assert verify["env"] == {"LEDGER_DSN": "${{ secrets.LEDGER_DSN }}"}
    done = subprocess.run(
        verify["run"],
        shell=True,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "ledger.xml").is_file()


def test_the_readme_is_read_in_minutes() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    assert len(text.split()) <= 1500
    assert text.split("\n\n")[1].startswith("Detects tampering ")


GUIDES = [
    readme
    for readme in READMES
    if readme.parts[0] == "examples" and len(readme.parts) == 3 and readme.name == "README.md"
]


@pytest.mark.parametrize("guide", GUIDES, ids=str)
def test_a_guide_says_what_the_reader_has_at_its_end_and_is_in_the_index(guide: Path) -> None:
    assert (ROOT / guide).read_text(encoding="utf-8").split("\n\n")[1].startswith("At the end, ")
    assert f"]({guide.relative_to('examples')})" in (ROOT / "examples" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page", [one for one in READMES if one.parts[0] in ("README.md", "examples", "checks")], ids=str
)
def test_a_page_longer_than_a_screen_has_a_table_of_contents(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    sections = set(headings(text)[1:])
    linked = set(re.findall(r"\]\(#([^)]+)\)", text.partition("\n## ")[0]))
    assert linked or len(text.splitlines()) <= SCREEN
    assert linked <= sections


def test_every_statement_is_in_the_manual() -> None:
    described = set(re.findall(r"\]\(([a-z_0-9]+\.sql)\)", (ROOT / "sql" / "README.md").read_text(encoding="utf-8")))
    assert described == {path.name for path in (ROOT / "sql").glob("*.sql")}


def headings(text: str) -> list[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines]


def test_links_between_documents_lead_somewhere() -> None:
    for readme in READMES:
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^):]*))?\)", (ROOT / readme).read_text(encoding="utf-8")):
            page = ROOT / readme.parent / target if target else ROOT / readme
            assert page.exists(), f"{readme}: {target}"
            if anchor:
                assert anchor in headings(page.read_text(encoding="utf-8")), f"{readme}: {target}#{anchor}"
