"""Show a report as HTML and Markdown. Nothing is judged or counted here.

Every expression in a template passes through `printable` before it is escaped, so no text of an entry can change the
page, its direction or its layout, and templates need not take care of it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache, partial
from hashlib import sha256
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pytest_audit_ledger.commands import LONGEST_ADVICE, pieces
from pytest_audit_ledger.model.printable import LONGEST_VALUE, printable
from pytest_audit_ledger.output.markdown import advised, code, escaped
from pytest_audit_ledger.report.answers import step_name
from pytest_audit_ledger.report.charts import COLOURS, Rate, Timed, panels, shades, shares, small_line, strip
from pytest_audit_ledger.report.figures import OTHER
from pytest_audit_ledger.report.words import Dates, percent
from pytest_audit_ledger.sources.selection import zone_of

LONGEST_LINE = 2_000
MOST_LINES = 30
_AS_CODE = Markup("<code>{}</code>")

_VERDICTS = {
    "CLEAR": ("Clear", "within the rule"),
    "FLAG": ("Flag", "a violation of a rule"),
    "NULL_UNMAPPED": ("Null: unmapped", "no rule covers what was measured"),
    "NULL_STALE": ("Null: stale", "knowledge or measurement out of date"),
    "DISCRETIONARY": ("Discretionary", "left to judgement"),
}
"""What the verdicts of a SKI ledger are called, and mean."""


def html(data: Mapping[str, Any]) -> str:
    """Return the report as a single HTML file, which loads and runs nothing."""
    dates = Dates(zone_of(data["time_zone"]))
    foot = f"{data['verification']['assurance']} – made {dates.zoned(data['made_at'])}"  # noqa: RUF001
    head = " – ".join(filter(None, [data["title"], data["organization"], period(data["period"], dates)]))  # noqa: RUF001
    return page("report.html.j2", head, foot, dates.name, report=data, **_drawn(data, dates))


def page(template: str, head: str, foot: str, zone: str = "UTC", **shown: Any) -> str:
    """Return one of our templates with our style, as a single HTML file that loads nothing and says so.

    `head` and `foot` are printed on every page, the former not on the first. Times are shown in `zone`.
    """
    environment = _environment(_finalized, zone)
    environment.filters["advice"] = _advice
    feet = {"head": _in_css(head), "foot": _in_css(foot)}
    style = _smaller(
        environment.get_template("style.css").render() + environment.get_template("print.css").render(feet)
    )
    digest = b64encode(sha256(style.encode()).digest()).decode()
    shown = {**shown, "zone": zone, "style_hash": digest, "style": Markup(style)}  # noqa: S704  (ours)
    return environment.get_template(template).render(shown)


def _in_css(text: str) -> Markup:
    """Return a text for a string of CSS: everything but letters, digits and spaces is escaped, and so cannot end it."""
    plain = printable(text, 2 * LONGEST_LINE // 10)
    return Markup("".join(c if c.isascii() and (c.isalnum() or c == " ") else f"\\{ord(c):x} " for c in plain))  # noqa: S704


def _smaller(style: str) -> str:
    """Return a style sheet without the spaces that are for those who edit it."""
    return re.sub(r"\s*([{};])\s*", r"\1", style)


def markdown(data: Mapping[str, Any]) -> str:
    """Return the report as Markdown (GitHub's and GitLab's), for a job summary."""
    dates = Dates(zone_of(data["time_zone"]))
    environment = _environment(_finalized_markdown, dates.name)
    environment.filters["advice"] = lambda text: Markup(advised(text))  # noqa: S704  (escaped there)
    text = environment.get_template("report.md.j2")
    return re.sub(r"\n{3,}", "\n\n", text.render(report=data, zone=dates.name, **_drawn(data, dates)))


@cache
def _environment(finalize: Callable[[Any], Any], zone: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("pytest_audit_ledger.report"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    dates = Dates(zone_of(zone))
    environment.filters.update(
        code=_code,
        command=_command,
        sentence=_sentence,
        lines=_lines,
        number=_number,
        percent=percent,
        short=printable,
        wbr=_wbr,
    )
    environment.filters.update(day=dates.day, moment=dates.moment, zoned=dates.zoned, second=dates.second)
    environment.filters.update(period=partial(period, dates=dates), step=partial(step_name, dates=dates))
    environment.globals["span"] = dates.span
    return environment


def _drawn(data: Mapping[str, Any], dates: Dates) -> dict[str, Any]:
    verdicts, timeline, ledger, violations = data["verdicts"], data["timeline"], data["ledger"], data["violations"]
    shade = shades(ledger["verdicts"], ledger["violations"])
    rows = verdicts["rows"] if verdicts else []
    by_rule = violations["by_rule"] if violations else []
    return {
        "colours": COLOURS,
        "shades": shade,
        "called": _called(ledger),
        "columns": _columns(ledger),
        "counted": _counted,
        "other": OTHER,
        "noun": ledger["violation"],
        "has": ledger["details"],
        "shares": [shares(rows, "share", shade), shares(rows, "share_before", shade)],
        "panels": panels(timeline, _rates(data), dates) if timeline else [],
        "strip": strip(data["first"]["proof"]),
        "most": max([row["count"] for row in by_rule] + [row["count_before"] or 0 for row in by_rule], default=0) or 1,
        "small_line": partial(small_line, highest=max((n for row in by_rule for n in row["by_step"]), default=0)),
        "frameworks": [(name, list(group)) for name, group in groupby(data["controls"], lambda one: one["framework"])],
        "served": partial(_served, outcomes=data["verification"]["outcomes"]),
        "section": data["answers"],
        "points": _points,
        "signed": _signed,
        "rate": partial(_rate_of, names=ledger["violations"]),
    }


def _columns(ledger: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the columns of the table of a timeline, each with the verdicts that it counts."""
    undecided = ledger["undecided"]
    columns = [(_VERDICTS.get(name, (name,))[0], [name]) for name in ledger["verdicts"] if name not in undecided]
    return [*columns, ("Undecided", undecided)] if undecided else columns


def _counted(step: Mapping[str, Any], names: list[str]) -> int:
    return sum(step["counts"].get(name, 0) for name in names)


def _called(ledger: Mapping[str, Any]) -> Callable[[str], tuple[str, str]]:
    """Return what says what a verdict is called, and what it means; nothing if nobody said."""

    def called(name: str) -> tuple[str, str]:
        return _VERDICTS.get(name) or (name, "a violation" if name in ledger["violations"] else "")

    return called


def _served(checks: list[Mapping[str, str]], outcomes: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the outcomes of the checks that serve a control."""
    named = {(one["check"], one["suite"]): one for one in outcomes}
    return [named[one["check"], one["suite"]] for one in checks]


def _rates(data: Mapping[str, Any]) -> Timed:
    verdicts, noun = data["verdicts"], data["ledger"]["violation"]
    if not verdicts or not verdicts["entries"]:
        return Timed(())
    undecided = data["ledger"]["undecided"]
    rates = [("rate", f"{noun['one'].capitalize()} rate, % of entries", data["ledger"]["violations"], "flag")]
    rates += [("undecided", "Undecided, % of entries", undecided, "und")] if undecided else []
    return Timed(
        [
            Rate(
                name,
                title,
                names,
                line,
                _mean(verdicts["rows"], names, "share"),
                _mean(verdicts["rows"], names, "share_before")
                if verdicts["preceding"] and verdicts["preceding"]["entries"]
                else None,
            )
            for name, title, names, line in rates
            if names
        ]
    )


def _mean(rows: list[Mapping[str, Any]], names: list[str], key: str) -> float:
    return float(sum(row[key] or 0 for row in rows if row["verdict"] in names))


def _rate_of(step: Mapping[str, Any], names: list[str]) -> float | None:
    return _counted(step, names) / step["total"] if step["total"] else None


def _signed(number: float, digits: int = 0) -> str:
    return f"{number:+,.{digits}f}".replace("-", "−")  # noqa: RUF001  (a minus sign)


def _points(share: float | None, before: float | None) -> str:
    """Return the change of a share in percentage points."""
    change = 100 * ((share or 0) - (before or 0))
    return "under 0.1" if abs(change) < 0.1 else f"{_signed(change, 1)} points"


def _finalized(value: Any) -> Any:
    if isinstance(value, Markup):
        return value
    return printable(str(value), LONGEST_LINE)


def _finalized_markdown(value: Any) -> Any:
    """Return text without Markdown or HTML: in both, a backslash escapes special characters."""
    return value if isinstance(value, Markup) else Markup(escaped(str(value), LONGEST_LINE))  # noqa: S704  (as above)


def _code(text: str, limit: int = LONGEST_VALUE) -> Markup:
    return Markup(code(text, limit))  # noqa: S704  (code shows HTML as it is)


def _advice(text: str) -> Markup:
    """Return advice with the commands in it as code."""
    shown = ((printable(piece, LONGEST_ADVICE), is_command) for piece, is_command in pieces(text))
    return Markup().join(
        _AS_CODE.format(_command(piece)) if is_command else _command(piece) for piece, is_command in shown
    )


_BREAKS = re.compile(r"(?<=[_./:@-])(?=[^_./:@\s-])")


def _wbr(text: str) -> Markup:
    """Return an identifier that breaks after its punctuation. Hashes stay whole, so that a search finds them."""
    return Markup("<wbr>").join(map(escape, _BREAKS.split(printable(str(text), LONGEST_LINE))))


def _command(text: str) -> Markup:
    """Return a command whose short words with a hyphen, such as options, do not break."""
    words = printable(text, LONGEST_LINE).split(" ")
    whole = Markup('<span class="nb">{}</span>')
    return Markup(" ").join(whole.format(one) if "-" in one and len(one) <= 32 else escape(one) for one in words)


def _lines(text: str | None) -> Markup:
    """Return a text of several lines, each escaped, and at most `MOST_LINES` of them."""
    if text is None:
        return Markup("")
    rows = text.splitlines() or [""]
    shown = [escape(printable(row, LONGEST_LINE)) for row in rows[:MOST_LINES]]
    return Markup("<br>").join([*shown, *(["…"] if len(rows) > MOST_LINES else [])])


def _sentence(text: str) -> str:
    """Return the first sentence of a reason."""
    first, ends, _ = text.partition(". ")
    return f"{first}." if ends else text


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"  # noqa: RUF001  (a dash for no number)


def period(shown: Mapping[str, Any], dates: Dates) -> str:
    """Return the period in words: by days if it has whole days, otherwise by moments."""
    since, before = shown["since"], shown["before"]
    if since is None and before is None:
        return "all entries"
    whole = all(_is_midnight(one, dates) for one in (since, before) if one)
    if since and before:
        return dates.span(since, before) if whole else f"{dates.zoned(since)} – {dates.zoned(before)}"  # noqa: RUF001
    if since:
        return f"from {dates.day(since) if whole else dates.zoned(since)}"
    return f"to {dates.last_day(before) if whole else dates.zoned(before)}"


def _is_midnight(text: str, dates: Dates) -> bool:
    found = dates.local(text)
    return found is not None and f"{found:%H%M%S%f}" == "000000000000"
