"""The first screens of the report's three states, held at 1280, 360, dark and printed against `golden_screens.json`.

Fonts and versions of Chromium differ between machines, so no pixels are held, but what makes the design: where the
parts are, their colours and borders, and the screenshot as a few grey cells, all with a tolerance. `--rewrite` writes
the file again. The screenshots themselves are in pytest's folder of the test: look at them before you do.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.ledger import Ledger
from tests.forger import Forger
from tests.report.test_report_in_chromium import browser, opened
from tests.support.signers import write_private

__all__ = ["browser"]

GOLDEN = Path(__file__).with_name("golden_screens.json")
KEY = SigningKey("bank.example/ledger", sha256(b"signing").digest())
MADE_AT = datetime(2026, 9, 1, 0, 5, tzinfo=timezone.utc)
DAY = {"start_date": "2025-09-01", "end_date": "2025-09-01"}
FLAGS = """
version: 1
checks:
  - {id: flags, expect: row_count_between, where: "verdict = 'FLAG'", max_value: 5, severity: critical,
     description: A day has at most five flags.}
"""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def clean(forger: Forger, folder: Path) -> dict[str, Any]:
    """All is well, and a checkpoint proves it."""
    write_private(folder / "signing.key", KEY.text())
    Ledger(forger.build(300).dsn).create_checkpoint(folder / "kept", folder / "signing.key")
    return {**DAY, "checkpoints": [folder / "kept"], "verifier_keys": [str(KEY.verifier())]}


def attention(forger: Forger, folder: Path) -> dict[str, Any]:
    """A critical check of the user's fails."""
    forger.build(300)
    (folder / "own.ledger.yaml").write_text(FLAGS)
    return {**DAY, "suites": ["integrity.ledger.yaml", folder / "own.ledger.yaml"]}


def tampered(forger: Forger, _: Path) -> dict[str, Any]:
    """An entry was changed, five are gone, and a trigger is off."""
    forger.build(300).unguarded(
        "UPDATE ledger_entries SET verdict = 'CLEAR' WHERE sequence_number ="
        " (SELECT min(sequence_number) FROM ledger_entries WHERE verdict = 'FLAG')",
        "DELETE FROM ledger_entries WHERE sequence_number BETWEEN 201 AND 205",
    )
    forger.run("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_refuse_update")
    return {"investigate": True}


STATES: dict[str, Callable[[Forger, Path], dict[str, Any]]] = {
    made.__name__: made for made in (clean, attention, tampered)
}
VIEWS: dict[str, dict[str, Any]] = {
    "1280": {"viewport": {"width": 1280, "height": 800}},
    "360": {"viewport": {"width": 360, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "print": {"viewport": {"width": 680, "height": 980}},  # what is left of A4 within its margins
}
PARTS = (".hero", ".state", "h1", ".do", ".sure", ".badge", ".scope", "main > section", ".answer")
TONED = (".hero", ".state", ".badge", ".sure svg")
LOOKS = """parts => Object.fromEntries(parts.map(part => {
    const {color, backgroundColor, borderTopStyle, borderBottomStyle} = getComputedStyle(document.querySelector(part));
    return [part, [color, backgroundColor, borderTopStyle, borderBottomStyle].join(' ')];
}))"""
MOVE = "['.first', '.hero'].forEach(part => document.querySelector(part).style = 'display: block; background: red')"
CELLS = (16, 10)
GREY = """async ([picture, columns, rows]) => {
    const bytes = Uint8Array.from(atob(picture), one => one.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], {type: 'image/png'}));
    const {width, height} = bitmap, context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const data = context.getImageData(0, 0, width, height).data;
    const sums = Array(columns * rows).fill(0), counts = Array(columns * rows).fill(0);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
        const cell = Math.floor(y * rows / height) * columns + Math.floor(x * columns / width);
        const at = 4 * (y * width + x);
        sums[cell] += (data[at] + data[at + 1] + data[at + 2]) / 3;
        counts[cell]++;
    }
    return sums.map((sum, cell) => Math.round(sum / counts[cell]));
}"""
"""The mean of each cell, from black to white. There is no library for pictures among what tests need."""

MOVED, MOVED_SHARE, GREYER = 50, 0.15, 20
"""By how many pixels, or which share of itself, a part may differ, and by how much cells on average.

Found by trying: wide, narrow and serif fonts make lines wrap elsewhere, and are within this.
"""


def seen(browser: Browser, page: Page, to: Path) -> dict[str, Any]:
    """Return where the parts of a page are and how they look; write the screenshot to a file."""
    boxes = {part: page.locator(part).first.bounding_box() for part in PARTS}
    blank = browser.new_page()
    picture = base64.b64encode(page.screenshot(path=to)).decode()
    cells = blank.evaluate(GREY, [picture, *CELLS])
    blank.close()
    return {
        "boxes": {
            part: " ".join(str(round(box[side])) for side in ("x", "y", "width", "height")) if box else ""
            for part, box in boxes.items()
        },
        "looks": page.evaluate(LOOKS, TONED),
        "cells": bytes(cells).hex(),
    }


def differences(found: dict[str, Any], golden: dict[str, Any]) -> Iterator[str]:
    """Yield what moved or looks otherwise."""
    for part, box in golden["boxes"].items():
        sides = list(zip(map(int, box.split()), map(int, found["boxes"][part].split()), strict=True))
        if any(abs(a - b) > max(MOVED, MOVED_SHARE * a) for a, b in sides):
            yield f"{part} is at {found['boxes'][part]}, not {box}"
    for part, look in golden["looks"].items():
        if found["looks"][part] != look:
            yield f"{part} is {found['looks'][part]}, not {look}"
    cells = list(zip(bytes.fromhex(golden["cells"]), bytes.fromhex(found["cells"]), strict=True))
    mean = sum(abs(a - b) for a, b in cells) / len(cells)
    if mean > GREYER:
        yield f"the picture differs by {mean:.1f} of 255"


def shown(browser: Browser, path: Path, view: str) -> Page:
    page = opened(browser, path, [], **VIEWS[view])
    if view == "print":
        page.emulate_media(media="print")
    return page


@pytest.mark.parametrize("state", STATES)
def test_the_first_screen_is_as_it_was_designed(
    browser: Browser, forger: Forger, tmp_path: Path, state: str, request: pytest.FixtureRequest
) -> None:
    how = STATES[state](forger, tmp_path)
    path = tmp_path / f"{state}.html"
    with Ledger(forger.dsn) as ledger:
        path.write_text(ledger.generate_report(organization="Example Energy", made_at=MADE_AT, **how).html)
    golden = json.loads(GOLDEN.read_text())
    found = {}
    for view in VIEWS:
        page = shown(browser, path, view)
        found[view] = seen(browser, page, tmp_path / f"{view}.png")
        if view == "1280":
            page.evaluate(MOVE)
            moved = seen(browser, page, tmp_path / "moved.png")
        page.close()
    if request.config.getoption("--rewrite"):
        GOLDEN.write_text(f"{json.dumps({**golden, state: found}, indent=1, sort_keys=True)}\n")
        return
    wrong = {view: list(differences(found[view], golden[state][view])) for view in VIEWS}
    assert not any(wrong.values()), f"{wrong}; the screenshots are in {tmp_path}"
    assert len(list(differences(moved, golden[state]["1280"]))) > 2, "what moves would be noticed"
