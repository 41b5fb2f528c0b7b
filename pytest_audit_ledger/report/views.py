"""Show a report as HTML and Markdown. Nothing is judged or counted here.

Every expression in a template passes through `printable` before it is escaped, so no text of an entry can change the
page, its direction or its layout, and templates need not take care of it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pytest_audit_ledger.commands import LONGEST_ADVICE, pieces
from pytest_audit_ledger.model.printable import LONGEST_VALUE, printable
from pytest_audit_ledger.output.markdown import advised, code, escaped
from pytest_audit_ledger.output.tone import in_report
from pytest_audit_ledger.report.charts import COLOURS, percent, shades, step_name, timeline_chart, verdict_chart
from pytest_audit_ledger.report.figures import OTHER

LONGEST_LINE = 2_000
MOST_LINES = 30
_CODE = Markup("<code>{}</code>")


def html(data: Mapping[str, Any]) -> str:
    """Return the report as a single HTML file, which loads and runs nothing."""
    return page("report.html.j2", "Audit ledger report", report=data, **_drawn(data))


def page(template: str, foot: str, **shown: Any) -> str:
    """Return one of our templates with our style, as a single HTML file that loads nothing and says so.

    `foot` is printed at the foot of every page.
    """
    environment = _environment(_finalized)
    environment.filters["advice"] = _advice
    style = environment.get_template("style.css").render(foot=foot)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return environment.get_template(template).render(style=Markup(style), style_hash=digest, **shown)  # noqa: S704  (ours)


def markdown(data: Mapping[str, Any]) -> str:
    """Return the report as Markdown (GitHub's and GitLab's), for a job summary."""
    environment = _environment(_finalized_markdown)
    environment.filters["advice"] = lambda text: Markup(advised(text))  # noqa: S704  (escaped there)
    text = environment.get_template("report.md.j2").render(report=data, **_drawn(data))
    return re.sub(r"\n{3,}", "\n\n", text)


@cache
def _environment(finalize: Callable[[Any], Any]) -> Environment:
    environment = Environment(
        loader=PackageLoader("pytest_audit_ledger.report"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        code=_code, day=_day, lines=_lines, moment=_moment, number=_number, percent=percent, period=_period
    )
    environment.filters["short"] = printable
    return environment


def _drawn(data: Mapping[str, Any]) -> dict[str, Any]:
    verdicts, timeline, ledger = data["verdicts"], data["timeline"], data["ledger"]
    names, shade = ledger["verdicts"], shades(ledger["verdicts"], ledger["violations"])
    return {
        **in_report(data["verification"]),
        "colours": COLOURS,
        "shades": shade,
        "verdict_names": names,
        "drawn_names": (*names, OTHER),
        "verdict_columns": [f"#{name}" for name in (*names, "other")],
        "violation": " or ".join(ledger["violations"]),
        "has": ledger["details"],
        "verdict_chart": verdict_chart(verdicts["rows"], shade) if verdicts and verdicts["entries"] else None,
        "timeline_chart": timeline_chart(timeline, shade) if timeline and timeline["steps"] else None,
        "step_name": step_name,
    }


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
    return Markup().join(_CODE.format(piece) if is_command else escape(piece) for piece, is_command in shown)


def _lines(text: str | None) -> Markup:
    """Return a text of several lines, each escaped, and at most `MOST_LINES` of them."""
    if text is None:
        return Markup("")
    rows = text.splitlines() or [""]
    shown = [escape(printable(row, LONGEST_LINE)) for row in rows[:MOST_LINES]]
    return Markup("<br>").join([*shown, *(["…"] if len(rows) > MOST_LINES else [])])


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"  # noqa: RUF001  (a dash for no number)


def _day(text: str) -> str:
    """Return `2026-05-21` as 21 May 2026, and anything else unchanged."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        return text
    return f"{found.day} {found:%B} {found.year}"


def _moment(text: str | None) -> str:
    """Return a canonical timestamp to the second; the page states once that all times are UTC."""
    if not text or "T" not in text:
        return text or "–"  # noqa: RUF001  (as above)
    return f"{_day(text[:10])}, {text[11:19]}"


def _period(period: Mapping[str, Any]) -> str:
    """Return the period in words: by days if it has whole days, otherwise by moments."""
    since, before = period["since"], period["before"]
    if since is None and before is None:
        return "all entries, from the first to the last"
    return f"{f'from {_bound(since)}' if since else 'from the first entry'} {_until(before)}"


def _until(before: str | None) -> str:
    if before is None:
        return "to the last entry"
    moment = datetime.fromisoformat(before)
    if before[11:19] == "00:00:00" and not moment.microsecond:
        return f"to {_day((moment - timedelta(days=1)).isoformat()[:10])}"
    return f"to before {_bound(before)}"


def _bound(text: str) -> str:
    return _day(text[:10]) if text[10:] == "T00:00:00+00:00" else _moment(text)
