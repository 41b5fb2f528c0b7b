"""What a suite can say beyond its checks: include, vars, plan, controls, defaults, parametrize, waivers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import SuiteError
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.model.outcome import Severity, Waiver
from pytest_audit_ledger.suite.check import Control, Suite
from pytest_audit_ledger.suite.loader import load
from tests.support.suites import CHECK, CONTROLS, HEAD, NAME, ORDER, Read, Refuse, assert_marked, headlines

NOT_NULL = "  - id: ruled\n    expect: not_null\n    column: rule_id\n"
ROWS = (
    "  - id: rows\n    expect: failed_rows\n    query: SELECT sequence_number FROM {ledger} WHERE track = %(track)s\n"
)
WAIVER = "waivers:\n  - {id: W-7, check: hashes, reason: Rebuild, approved_by: CISO, expires: '2026-12-31T23:59:59Z'}\n"


class Folder:
    """Suites next to each other, read from the first of them."""

    def __init__(self, path: Path, registry: Registry) -> None:
        self.path = path
        self.registry = registry

    def write(self, **files: str) -> None:
        """Write files; the name `a__b` stands for `a/b.yaml`."""
        for name, content in files.items():
            path = self.path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def load(self, name: str = "top.yaml", environment: Mapping[str, str] | None = None) -> Suite:
        return load(self.path / name, self.registry, root=self.path, environment=environment)

    def refused(self, name: str = "top.yaml", environment: Mapping[str, str] | None = None) -> list[str]:
        """Return what is said, without the lines of the files."""
        with pytest.raises(SuiteError) as refusal:
            self.load(name, environment)
        return [line for line in str(refusal.value).split("\n") if not line.startswith("   ")]


@pytest.fixture
def folder(tmp_path: Path, registry: Registry) -> Folder:
    return Folder(tmp_path, registry)


# include


def test_included_checks_come_first_and_know_where_they_stand(folder: Folder) -> None:
    folder.write(top=f"include: [sub/more.yaml]\n{HEAD}{CHECK}", sub__more=f"{HEAD}{ORDER}")
    suite = folder.load()
    assert [(check.id, check.suite, check.location) for check in suite.checks] == [
        ("order", "top.yaml", "sub/more.yaml:3"),
        ("hashes", "top.yaml", "top.yaml:4"),
    ]
    ((name, digest),) = suite.included
    assert (name, len(digest)) == ("sub/more.yaml", 64)


def test_a_suite_may_only_include(folder: Folder) -> None:
    folder.write(top="version: 1\ninclude: [more.yaml]\n", more=f"{HEAD}{ORDER}")
    assert [check.id for check in folder.load().checks] == ["order"]


def test_includes_are_relative_to_the_file_that_includes(folder: Folder) -> None:
    folder.write(
        top="version: 1\ninclude: [sub/a.yaml]\n",
        sub__a=f"include: [b.yaml]\n{HEAD}{CHECK}",
        sub__b=f"include: [../c.yaml]\n{HEAD}{ORDER}",
        c=HEAD + NOT_NULL,
    )
    suite = folder.load()
    assert [check.file for check in suite.checks] == ["c.yaml", "sub/b.yaml", "sub/a.yaml"]
    assert [name for name, _ in suite.included] == ["sub/a.yaml", "sub/b.yaml", "c.yaml"]


def test_a_cycle_is_refused_where_it_closes(folder: Folder) -> None:
    folder.write(top=f"include: [a.yaml]\n{HEAD}{CHECK}", a=f"include: [top.yaml]\n{HEAD}{ORDER}")
    assert folder.refused() == [
        "a.yaml:1:11: top.yaml includes this file, so the includes form a loop; remove one of them"
    ]


def test_a_file_that_includes_itself_is_refused(folder: Folder) -> None:
    folder.write(top=f"include: [./top.yaml]\n{HEAD}{CHECK}")
    assert folder.refused() == [
        "top.yaml:1:11: ./top.yaml includes this file, so the includes form a loop; remove one of them"
    ]


def test_the_same_id_in_two_files_is_refused(folder: Folder) -> None:
    folder.write(top=f"include: [a.yaml]\n{HEAD}{CHECK}", a=HEAD + CHECK)
    assert folder.refused() == [
        "top.yaml:4:9: the id 'hashes' is already taken by the check in a.yaml:3; rename one of them"
    ]


def test_the_same_id_in_two_included_files_is_refused(folder: Folder) -> None:
    folder.write(top="version: 1\ninclude: [a.yaml, b.yaml]\n", a=HEAD + CHECK, b=HEAD + CHECK)
    assert folder.refused() == ["top.yaml:2:19: its check 'hashes' already exists in a.yaml:3; rename one of them"]


def test_a_file_that_is_not_there_is_named_where_it_is_included(folder: Folder) -> None:
    folder.write(top=f"include: [nowhere.yaml]\n{HEAD}{CHECK}")
    assert folder.refused() == ["top.yaml:1:11: nowhere.yaml cannot be read: No such file or directory"]


def test_mistakes_of_all_files_are_told_each_under_its_own_name(folder: Folder) -> None:
    folder.write(
        top=f"include: [a.yaml, b.yaml]\n{HEAD}{CHECK}    severty: info\n",
        a=f"{HEAD}{ORDER}    xyzzy: 1\n",
        b=f"{HEAD}{NOT_NULL}    mostly: 2\n",
    )
    assert sorted(folder.refused()) == [
        "a.yaml:5:5: unknown key 'xyzzy' in check 'order'",
        "b.yaml:6:13: 'mostly' of check 'ruled' must be at most 1; got 2",
        "top.yaml:6:5: unknown key 'severty' in check 'hashes'; did you mean 'severity'?",
    ]


@pytest.mark.parametrize("named", ["../outside.yaml", "/etc/hostname", "link.yaml"])
def test_a_file_outside_of_the_root_is_not_read(folder: Folder, tmp_path: Path, named: str) -> None:
    inside = Folder(tmp_path / "inside", folder.registry)
    inside.path.mkdir()
    folder.write(outside=HEAD + ORDER)
    (inside.path / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    inside.write(top=f"include: [{named}]\n{HEAD}{CHECK}")
    assert inside.refused() == [f"top.yaml:1:11: the included file is outside {inside.path}; move it into that folder"]


def test_defaults_and_variables_of_a_file_are_its_own(folder: Folder) -> None:
    folder.write(
        top="include: [a.yaml]\nvars: {track: {type: str, default: llm}}\ndefaults: {severity: info}\n" + HEAD + CHECK,
        a=HEAD + ROWS,
    )
    assert folder.refused() == [
        "a.yaml:5:63: 'query' of check 'rows': unknown variable 'track'; declare it under vars, or under parametrize"
    ]
    folder.write(a=HEAD + ORDER)
    assert [check.severity for check in folder.load().checks] == [Severity.CRITICAL, Severity.INFO]


def test_controls_of_an_included_file_can_be_used_but_not_renamed(folder: Folder) -> None:
    folder.write(
        top=f"include: [a.yaml]\n{HEAD}{CHECK}    controls: [A-1]\n", a=f"{HEAD}{ORDER}    controls: [A-1]\n{CONTROLS}"
    )
    assert folder.load().controls["A-1"].title == "The first"
    folder.write(top=f"include: [a.yaml]\n{HEAD}{CHECK}controls:\n  A-1: {{title: Another}}\n")
    assert folder.refused() == ["top.yaml:7:16: an included file gives A-1 the title 'The first'; use one title"]


def test_included_checks_count_towards_the_plan(folder: Folder) -> None:
    folder.write(top=f"plan: 2\ninclude: [a.yaml]\n{HEAD}{CHECK}", a=f"plan: 1\n{HEAD}{ORDER}")
    assert len(folder.load().checks) == 2
    folder.write(top=f"plan: 1\ninclude: [a.yaml]\n{HEAD}{CHECK}")
    assert folder.refused() == [
        "top.yaml:1:7: the plan is 1 check, but the suite has 2; correct the plan, or look for what is missing"
    ]


# vars


def with_variable(declared: str, use: str = ROWS) -> str:
    return f"vars:\n  track: {declared}\n{HEAD}{use}"


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("{type: int, default: 3}", 3),
        ("{type: int, default: -3, env: TRACK}", -3),
        ("{type: float, default: 3}", 3),
        ("{type: float, default: 0.25}", 0.25),
        ("{type: str, default: '3'}", "3"),
        ("{type: str, default: no}", "no"),
        ("{type: bool, default: false}", False),
    ],
)
def test_a_variable_has_its_default(folder: Folder, declared: str, value: object) -> None:
    folder.write(top=with_variable(declared))
    (check,) = folder.load(environment={}).checks
    assert check.parameters["variables"] == {"track": value}
    assert type(check.parameters["variables"]["track"]) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "12", 12),
        ("int", "-0012", -12),
        ("float", "0.5", 0.5),
        ("float", "7", 7.0),
        ("str", "", ""),
        ("str", "'; DROP", "'; DROP"),
        ("bool", "TRUE", True),
        ("bool", "false", False),
    ],
)
def test_the_environment_outweighs_the_default(folder: Folder, kind: str, text: str, value: object) -> None:
    folder.write(top=with_variable(f"{{type: {kind}, env: TRACK}}"))
    (check,) = folder.load(environment={"TRACK": text}).checks
    assert check.parameters["variables"] == {"track": value}


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("int", "0.5", "a whole number"),
        ("int", " 5", "a whole number"),
        ("int", "5\n", "a whole number"),
        ("int", "٣", "a whole number"),
        ("int", "9" * 31, "a whole number"),
        ("float", "nan", "a number"),
        ("float", "1e5", "a number"),
        ("float", "5.000", "a number"),
        ("bool", "yes", "true or false"),
    ],
)
def test_a_value_of_the_environment_that_does_not_fit_is_refused(
    folder: Folder, kind: str, text: str, words: str
) -> None:
    folder.write(top=with_variable(f"{{type: {kind}, env: TRACK}}"))
    (said,) = folder.refused(environment={"TRACK": text})
    assert f": the environment variable TRACK of variable 'track' must be {words}; got " in said


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("{type: int}", "2:3: variable 'track' has no value: it has neither default nor env"),
        ("{type: int, env: TRACK}", "2:3: variable 'track' has no value: TRACK is not set, and there is no default"),
        (
            "{type: int, default: x}",
            "2:31: 'default' of variable 'track' must be a whole number; got \"x\"",
        ),
        ("{type: int, default: true}", "2:31: 'default' of variable 'track' must be a whole number; got true"),
        ("{type: int, default: 1.5}", "2:31: 'default' of variable 'track' must be a whole number; got 1.5"),
        (
            "{type: str, default: 5}",
            "2:31: 'default' of variable 'track' must be text (put it in quotes); got 5",
        ),
        (
            "{type: date, default: 5}",
            "2:17: 'type' of variable 'track' must be one of int, float, str, bool; got \"date\"",
        ),
        ("{default: 5}", "2:10: variable 'track' lacks the required key 'type'"),
        ("5", "2:10: variable 'track' must be a set of keys; got 5"),
    ],
)
def test_a_variable_that_is_declared_wrongly_is_refused(folder: Folder, declared: str, said: str) -> None:
    folder.write(top=with_variable(declared))
    assert folder.refused(environment={}) == [f"top.yaml:{said}"]


def test_a_check_has_the_variables_that_it_uses_and_no_others(folder: Folder) -> None:
    folder.write(
        top="vars: {track: {type: str, default: llm}, spare: {type: int, default: 1}}\n" + HEAD + ROWS + NOT_NULL
    )
    rows, ruled = folder.load().checks
    assert rows.parameters["variables"] == {"track": "llm"}
    assert "variables" not in ruled.parameters


# plan, controls, defaults, aliases


@pytest.mark.parametrize(
    ("plan", "checks"),
    [
        (1, "the plan is 1 check, but the suite has 2; correct the plan, or look for what is missing"),
        (3, "the plan is 3 checks, but the suite has 2; correct the plan, or look for what is missing"),
    ],
)
def test_another_number_of_checks_than_planned_is_refused(refuse: Refuse, plan: int, checks: str) -> None:
    (said,) = headlines(refuse(f"plan: {plan}\n{HEAD}{CHECK}{ORDER}"))
    assert said.startswith(f"{NAME}:1:7: {checks}")


def test_an_unknown_control_is_refused_where_it_is_named(refuse: Refuse) -> None:
    content = f"{HEAD}{CHECK}    controls: [A-1, A-2, XYZ]\n{CONTROLS}"
    message = refuse(content)
    assert headlines(message) == [
        f"{NAME}:5:21: unknown control 'A-2'; did you mean 'A-1'?",
        f"{NAME}:5:26: unknown control 'XYZ'; declare it under controls, with a title",
    ]
    assert_marked(message, content)


def test_a_control_needs_a_title(refuse: Refuse) -> None:
    (said,) = headlines(refuse(f"controls: {{A-1: {{}}}}\n{HEAD}{CHECK}    controls: [A-1]\n"))
    assert said == f"{NAME}:1:17: control 'A-1' lacks the required key 'title'"


def test_a_control_can_name_its_place_in_a_catalog(read: Read) -> None:
    suite = read(f"controls: {{A-1: {{title: The first, oscal: {{nist-800-53: au-9}}}}}}\n{HEAD}{CHECK}")
    assert suite.controls == {"A-1": Control("The first", oscal=("nist-800-53", "au-9"))}


@pytest.mark.parametrize(
    ("oscal", "mistake"),
    [
        ("{}", "1:43: 'oscal' of control 'A-1' must not be empty; got {}"),
        ("{a: b, c: d}", "1:43: 'oscal' of control 'A-1' must not have more than 1 key; got"),
        ("{nist-800-53: '9'}", "1:57: 'oscal' of control 'A-1' must look like au-9; got"),
        ("{'8 a': au-9}", "1:44: the name '8 a' in 'oscal' of control 'A-1' must look like au-9"),
        ("au-9", "1:43: 'oscal' of control 'A-1' must be a set of keys"),
    ],
)
def test_a_place_in_a_catalog_is_one_catalog_and_one_id(refuse: Refuse, oscal: str, mistake: str) -> None:
    (said,) = headlines(refuse(f"controls: {{A-1: {{title: The first, oscal: {oscal}}}}}\n{HEAD}{CHECK}"))
    assert said.startswith(f"{NAME}:{mistake}")


def test_defaults_hold_where_a_check_says_nothing(read: Read) -> None:
    defaults = "defaults: {severity: warning, owner: platform, samples: 5, redact: [reasoning]}\n"
    own = "    severity: info\n    owner: me\n    samples: 7\n    redact: []\n"
    first, second, third = read(defaults + HEAD + NOT_NULL + NOT_NULL.replace("ruled", "own") + own + CHECK).checks
    assert (first.severity, first.owner, first.samples) == (Severity.WARNING, "platform", 5)
    assert first.parameters["redact"] == ["reasoning"]
    assert (second.severity, second.owner, second.samples) == (Severity.INFO, "me", 7)
    assert second.parameters["redact"] == []
    assert "redact" not in third.parameters


@pytest.mark.parametrize("kind", ["recency", "row_count_between", "metric", "failed_rows", "not_null"])
def test_every_kind_about_data_takes_the_default_of_redact(registry: Registry, kind: str) -> None:
    found = registry.get(kind)
    assert found is not None
    assert "redact" in found.parameters_schema


def test_every_alias_means_its_kind_and_keeps_its_name_in_the_file(read: Read, registry: Registry) -> None:
    aliases = {alias: kind for kind in registry for alias in kind.aliases}
    assert len(aliases) == 10
    for alias, kind in aliases.items():
        assert registry.get(alias) is kind
        assert alias.startswith("expect_")
    (check,) = read(HEAD + NOT_NULL.replace("not_null", "expect_column_values_to_not_be_null")).checks
    assert check.kind.name == "not_null"


# parametrize


def test_parametrize_makes_a_check_of_every_combination(read: Read) -> None:
    text = (
        "    query: SELECT 1 FROM {ledger} WHERE track = %(track)s AND id > %(low)s AND %(on)s\n"
        "    parametrize: {track: [llm, 'a b'], low: [1, 2.5], on: [true]}\n"
    )
    checks = read(f"{HEAD}  - id: rows\n    expect: failed_rows\n{text}").checks
    assert [check.id for check in checks] == [
        "rows[track=llm,low=1,on=true]",
        "rows[track=llm,low=2.5,on=true]",
        "rows[track=a b,low=1,on=true]",
        "rows[track=a b,low=2.5,on=true]",
    ]
    assert checks[3].parameters["variables"] == {"track": "a b", "low": 2.5, "on": True}
    assert checks[3].values == {"track": "a b", "low": 2.5, "on": True}


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("    parametrize: {track: [a], other: [b]}\n", "6:31: the SQL of check 'rows' does not use %(other)s"),
        ("    parametrize: {track: [1, '1']}\n", "6:5: two of these values look the same"),
        ("    parametrize: {track: []}\n", "6:26: "),
        ("    parametrize: {track: [~]}\n", "6:27: "),
        ("    parametrize: {Track: [a]}\n", "6:19: "),
        ("    parametrize: {}\n", "6:18: "),
    ],
)
def test_a_parametrize_that_makes_no_sense_is_refused(refuse: Refuse, added: str, said: str) -> None:
    content = HEAD + ROWS + added
    message = refuse(content)
    assert any(line.startswith(f"{NAME}:{said}") for line in headlines(message)), message
    assert_marked(message, content)


def test_a_parameter_named_like_a_variable_is_refused(refuse: Refuse) -> None:
    content = "vars: {track: {type: str, default: x}}\n" + HEAD + ROWS + "    parametrize: {track: [a]}\n"
    (said,) = headlines(refuse(content))
    assert said == f"{NAME}:7:19: the name 'track' is also a variable of the suite; rename one of them"


# waivers


def test_a_check_has_the_waiver_that_names_it(read: Read) -> None:
    hashes, order = read(HEAD + CHECK + ORDER + WAIVER).checks
    expires = datetime(2026, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    assert hashes.waiver == Waiver(id="W-7", reason="Rebuild", approved_by="CISO", expires=expires)
    assert order.waiver is None


@pytest.mark.parametrize(("named", "waived"), [("rows", [True, True]), ("rows[track=llm]", [False, True])])
def test_a_waiver_is_for_one_parameter_or_for_all(read: Read, named: str, waived: list[bool]) -> None:
    text = (
        HEAD
        + ROWS
        + "    parametrize: {track: [symbolic, llm]}\n"
        + WAIVER.replace("check: hashes", f"check: '{named}'")
    )
    assert [check.waiver is not None for check in read(text).checks] == waived


def test_an_included_check_can_be_waived(folder: Folder) -> None:
    folder.write(top=f"version: 1\ninclude: [a.yaml]\n{WAIVER}", a=HEAD + CHECK)
    (check,) = folder.load().checks
    assert check.waiver is not None


def test_a_check_that_an_included_file_waives_is_not_waived_again(folder: Folder) -> None:
    folder.write(top=f"version: 1\ninclude: [a.yaml]\n{WAIVER}", a=HEAD + CHECK + WAIVER.replace("W-7", "W-1"))
    with pytest.raises(SuiteError, match=r"top.yaml:4:22: the check 'hashes' is already waived by W-1"):
        folder.load()


@pytest.mark.parametrize("key", ["id", "check", "reason", "approved_by", "expires"])
def test_a_waiver_needs_every_key_but_the_ticket(refuse: Refuse, key: str) -> None:
    words = {"id": "W-7", "check": "hashes", "reason": "r", "approved_by": "a", "expires": "2026-12-31T23:59:59Z"}
    told = ", ".join(f"{name}: '{word}'" for name, word in words.items() if name != key)
    (said,) = headlines(refuse(f"{HEAD}{CHECK}waivers:\n  - {{{told}}}\n"))
    name = "number 1" if key == "id" else "'W-7'"
    assert said == f"{NAME}:6:5: waiver {name} lacks the required key '{key}'"


@pytest.mark.parametrize(
    ("changed", "by", "said"),
    [
        ("check: hashes", "check: hash", "6:22: unknown check 'hash'; did you mean 'hashes'?"),
        ("2026-12-31T23:59:59Z", "2026-12-31", "6:75: 'expires' of waiver 'W-7' must look like 2026-12-31T23:59:59Z"),
        ("2026-12-31T23:59:59Z", "2026-12-31T23:59:59", "6:75: 'expires' of waiver 'W-7' must look like"),
        ("2026-12-31T23:59:59Z", "2026-12-31T23:59:59+02:00", "6:75: 'expires' of waiver 'W-7' must look like"),
        (
            "2026-12-31T23:59:59Z",
            "2026-02-30T00:00:00Z",
            "6:75: 'expires' of waiver 'W-7' is not a valid date and time",
        ),
        (
            "2026-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "6:75: 'expires' of waiver 'W-7' is not a valid date and time",
        ),
        ("reason: Rebuild", "reason: ''", "6:38: 'reason' of waiver 'W-7' must not be empty"),
        ("reason:", "raeson:", "6:30: unknown key 'raeson' in waiver 'W-7'; did you mean 'reason'?"),
    ],
)
def test_a_waiver_that_makes_no_sense_is_refused(refuse: Refuse, changed: str, by: str, said: str) -> None:
    content = HEAD + CHECK + WAIVER.replace(changed, by)
    message = refuse(content)
    assert any(line.startswith(f"{NAME}:{said}") for line in headlines(message)), message
    assert_marked(message, content)


def test_two_waivers_of_one_check_or_of_one_id_are_refused(refuse: Refuse) -> None:
    second = WAIVER.partition("\n")[2]
    assert headlines(refuse(HEAD + CHECK + WAIVER + second)) == [
        f"{NAME}:7:10: the id 'W-7' is already taken by the waiver in line 6; rename one",
        f"{NAME}:7:22: the check 'hashes' is already waived by W-7; remove one of them",
    ]
