"""Reports as people see them: opened in Chromium, on a wide screen and a telephone, light, dark and printed."""

from __future__ import annotations

import gzip
import io
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader

from pytest_audit_ledger.drill.attacks.catalogue import CATALOGUE, choose
from pytest_audit_ledger.drill.matrix_files import html as drill_page
from pytest_audit_ledger.drill.setup import SetUp
from pytest_audit_ledger.drill.trials import drill
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.scratch.server import Scratch
from tests.drill.test_drill import OWN
from tests.forger import Forger
from tests.report.test_report import entrusted, holds, report
from tests.support.checks import default_suite
from tests.support.hostile import HOSTILE_TEXTS, escalate
from tests.verify.test_real_ledger import LEDGER

SECTIONS = ["filing", "verdicts", "timeline", "violations", "escalations", "checks", "gaps", "reverify", "sign", "ids"]
YEAR: dict[str, Any] = {"start_date": "2025-09-01", "end_date": "2026-08-31"}
A4_POINTS = (595, 842)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; where there is none, these tests are skipped, but never in CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing = "there is no Chromium: apt-get install chromium"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def opened(browser: Browser, path: Path, said: list[str], **options: Any) -> Page:
    """Open a file, and note whatever it says, asks for or does."""
    page = browser.new_page(**options)
    page.on("console", lambda message: said.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: said.append(f"request: {request.url}") if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    return page


VIEWS = ((1280, "light"), (1280, "dark"), (360, "light"))


SCREEN = 800
"""The height of a first screen: nothing that it must answer may lie below."""

ANSWERS = ("h1", ".state", ".do", ".badge", ".scope dl dd:nth-of-type(2)")
"""Is it fine, what must I do, how sure are we, which ledger and period."""

OPENED = "document.querySelectorAll('details').forEach(one => one.open = true)"


def looks_right(
    browser: Browser,
    path: Path,
    *,
    accessible: Collection[tuple[int, str]] = VIEWS[:2],
    sections: Sequence[str] = SECTIONS,
) -> None:
    """Hold a report against everything that must be so of every one; `accessible` are the views that axe looks at."""
    said: list[str] = []
    for width, scheme in VIEWS:
        page = opened(browser, path, said, viewport={"width": width, "height": SCREEN}, color_scheme=scheme)
        assert page.title().startswith("Audit ledger report")
        assert page.evaluate("[...document.querySelectorAll('main > section')].map(one => one.id)") == list(sections)
        for answer in ANSWERS:
            box = page.locator(answer).first.bounding_box()
            assert box, answer
            assert box["y"] + box["height"] <= SCREEN, f"{answer} is below the first screen of {width}"
        page.evaluate(OPENED)
        assert page.evaluate(OVERFLOW) == 0, f"{width} {scheme}"
        charts = [chart.bounding_box() for chart in page.query_selector_all(".panels > svg")]
        assert len(charts) in (2, 3)  # without undecided entries, there is no line for them
        assert all(box and box["width"] > 200 and box["height"] > 100 for box in charts)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgba(0, 0, 0, 0)", "no style"
        if (width, scheme) in accessible:
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        page.close()
    assert said == []


def printed(browser: Browser, path: Path) -> list[str]:
    """Print a report, and return the text of each page."""
    page = opened(browser, path, [])
    reader = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True, print_background=True)))
    page.close()
    sizes = {(round(sheet.mediabox.width), round(sheet.mediabox.height)) for sheet in reader.pages}
    assert all(abs(width - A4_POINTS[0]) <= 1 and abs(height - A4_POINTS[1]) <= 1 for width, height in sizes)
    return [sheet.extract_text() for sheet in reader.pages]


@pytest.mark.slow
def test_the_report_of_a_year_of_20_000_entries(browser: Browser, forger: Forger, tmp_path: Path) -> None:
    forger.build(entries=sample_entries(20_000, step_s=365 * 86_400 / 20_000))
    escalate(forger, "verdict = 'FLAG' AND sequence_number % 3 = 0", "RESOLVED", "Filter replaced.")
    made = report(forger.dsn, **YEAR)
    holds(made.data, forger, YEAR)
    assert made.data["timeline"]["unit"] == "week"
    path = tmp_path / "year.html"
    assert path.write_text(made.html) < 150_000  # bytes
    looks_right(browser, path, accessible=VIEWS[:1])
    sheets = printed(browser, path)
    assert 6 <= len(sheets) <= 20
    assert all(len(text) > 100 for text in sheets)
    assert all(f"Page {number} of {len(sheets)}" in text for number, text in enumerate(sheets, 1))
    assert all("SELF-CONSISTENT – made " in text for text in sheets), "the foot says what it is worth"  # noqa: RUF001  (a dash)
    assert all("1 Sep 2025 – 31 Aug 2026" in text for text in sheets[1:]), "the head says of which period"  # noqa: RUF001  (a dash)
    assert "Approved by" in "".join(sheets[-2:])
    assert "Nothing outside confirms it." in sheets[0].replace("\n", " ")
    assert sum("Reasoning" in text for text in sheets) > 2, "heads of tables are repeated, and details are printed"


@pytest.mark.slow
def test_the_report_of_the_real_ledger(browser: Browser, forger: Forger, tmp_path: Path) -> None:
    forger.build(0, schema="3")
    with gzip.open(LEDGER, "rb") as rows, forger.connection.cursor() as cursor:
        columns = rows.readline().decode().strip()
        cursor.copy_expert(f"COPY ledger_entries ({columns}) FROM STDIN WITH (FORMAT csv)", rows)
    path = tmp_path / "real.html"
    path.write_text(report(forger.dsn).html)
    looks_right(browser, path, accessible=VIEWS)
    assert 4 <= len(printed(browser, path)) <= 15


@pytest.mark.slow
def test_the_report_of_hostile_entries(browser: Browser, forger: Forger, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(report(entrusted(forger, HOSTILE_TEXTS).dsn).html)
    looks_right(browser, path)
    assert 4 <= len(printed(browser, path)) <= 25


def test_the_page_of_a_drill(browser: Browser, server: str, tmp_path: Path) -> None:
    chosen = [*choose(("edit", "edit-and-rewrite", "false-entry"), CATALOGUE), *OWN]
    (matrix,) = drill(None, [SetUp((default_suite(),))], chosen, entries=40, scratch=Scratch(server))
    path = tmp_path / "drill.html"
    path.write_text(drill_page(matrix))
    said: list[str] = []
    page = opened(browser, path, said, viewport={"width": 360, "height": 800}, color_scheme="dark")
    assert page.inner_text("h1") == matrix.sentence
    assert page.evaluate(OVERFLOW) == 0
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()
    assert said == []
    sheets = printed(browser, path)
    assert all("Drill of an audit ledger" in text for text in sheets[1:])
    assert all(f"Page {number} of" in text for number, text in enumerate(sheets, 1))
    assert all(attack.name in "".join(sheets) for attack in chosen)


def test_a_page_that_misbehaves_would_be_noticed(browser: Browser, tmp_path: Path) -> None:
    """The tests above can fail: each thing that they look for is found where it is."""
    path = tmp_path / "bad.html"
    path.write_text(
        "<title>x</title><div style='width:4000px'>x</div><img src='missing.png'><script>console.log('y')</script>"
    )
    said: list[str] = []
    page = opened(browser, path, said, viewport={"width": 360, "height": 800})
    assert page.evaluate(OVERFLOW) > 3000
    assert Axe().run(page).violations_count > 0
    page.close()
    assert any(one == "console: y" for one in said)
    assert any(one.endswith("missing.png") for one in said)


def test_without_its_style_it_still_reads(browser: Browser, forger: Forger, tmp_path: Path) -> None:
    """Jenkins takes inline CSS away; what is left must have its order, its charts and its status in words."""
    html = report(forger.build(100).dsn).html
    begin, end = html.index("<style>"), html.index("</style>")
    path = tmp_path / "plain.html"
    path.write_text(html[:begin] + html[end + len("</style>") :])
    page = opened(browser, path, [], viewport={"width": 1280, "height": 800})
    assert page.evaluate("document.querySelector('.panels > svg').getBoundingClientRect().width") > 100
    assert page.evaluate("getComputedStyle(document.querySelector('.panels svg g rect')).fill") == "rgb(113, 133, 154)"
    assert "SELF-CONSISTENT" in page.inner_text("header")
    words = page.inner_text("#filing")
    assert all(word in words for word in ("Blocks filing", "To disclose", "Met", "Settle before you file"))
    assert "(missing)" not in page.inner_text("main")
    page.close()


TONES = ("good", "fair", "act", "stop", "none")


def test_the_five_tones_differ_in_border_icon_and_word_also_without_colour(
    browser: Browser, forger: Forger, tmp_path: Path
) -> None:
    path = tmp_path / "tones.html"
    path.write_text(report(forger.build(30).dsn).html)
    page = opened(browser, path, [], viewport={"width": 1280, "height": SCREEN})
    seen = {}
    for tone in TONES:
        page.evaluate(f"document.querySelector('.hero').className = 'hero {tone}'")
        page.evaluate(f"document.querySelector('.hero use').setAttribute('href', '#i-{tone}')")
        style = "getComputedStyle(document.querySelector('.hero'))"
        page.emulate_media(forced_colors="active")
        border = page.evaluate(f"{style}.borderBottomStyle")
        page.emulate_media(forced_colors="none")
        filled = page.evaluate(f"{style}.color") == "rgb(255, 255, 255)"
        icon = page.evaluate(f"document.querySelector('#i-{tone}').innerHTML")
        seen[tone] = ((border, filled), icon)
        assert Axe().run(page, context=".hero").violations_count == 0, tone
    page.close()
    assert len({look for look, _ in seen.values()}) == len(TONES)
    assert len({icon for _, icon in seen.values()}) == len(TONES)


@pytest.mark.slow
def test_a_tampered_ledger_on_every_screen_and_on_paper(browser: Browser, forger: Forger, tmp_path: Path) -> None:
    forger.build(300).unguarded(
        "UPDATE ledger_entries SET verdict = 'CLEAR' WHERE sequence_number = 120",
        "DELETE FROM ledger_entries WHERE sequence_number BETWEEN 201 AND 205",
    )
    forger.run("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_refuse_update")
    with Ledger(forger.dsn) as ledger:
        made = ledger.generate_report(investigate=True, organization="Example Energy")
    path = tmp_path / "tampered.html"
    path.write_text(made.html)
    looks_right(browser, path, accessible=VIEWS, sections=["what", *SECTIONS])
    sheets = printed(browser, path)
    assert "Do not rely on it." in sheets[0].replace("\n", " ")
    assert "Entries 201 to 205 are missing" in sheets[0]
    assert all("TAMPERED – made " in text for text in sheets)  # noqa: RUF001  (a dash)
    page = opened(browser, path, [], viewport={"width": 700, "height": SCREEN})
    page.emulate_media(media="print")
    frame = page.evaluate(
        "(({borderTopWidth, backgroundColor}) => [borderTopWidth, backgroundColor])"
        "(getComputedStyle(document.querySelector('.hero')))"
    )
    assert frame == ["4px", "rgb(255, 255, 255)"], "nothing relies on printed grounds"
    page.close()
