"""Pages in a real browser, at the width of a telephone and of a desk: whole, legible, alone and without a script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.telling.borrower_page import borrower_page
from models.telling.card import card
from models.telling.validation_report import validation_report
from tests.chromium import LOOK, WIDTHS, Chromium, browser
from tests.models.telling.page_rows import (
    borrower_rows,
    card_rows,
    disturbed_night,
    first_night,
    night_rows,
)

PAGES = ("an undisturbed night", "a disturbed night", "a first night", "a card", "a borrower")
OPEN_ALL = "document.querySelectorAll('details').forEach(part => { part.open = true })"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = (
        validation_report(night_rows()),
        validation_report(disturbed_night()),
        validation_report(first_night()),
        card(card_rows()),
        borrower_page(borrower_rows("E1"), portfolio="lender", enterprise_id="E1"),
    )
    files = {name: folder / f"{name.replace(' ', '-')}.html" for name in PAGES}
    for file, page in zip(files.values(), made, strict=True):
        file.write_text(page, encoding="utf-8")
    return files


def looked_at(chromium: Chromium) -> dict[str, Any]:
    told: dict[str, Any] = chromium.value(LOOK)
    assert told["looked"] > 10  # texts of which the contrast was computed
    return told


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_legible_and_alone(chromium, pages, name, width):
    chromium.open(pages[name], width=width)
    assert looked_at(chromium)["faults"] == []
    chromium.value(OPEN_ALL)
    folded_out = looked_at(chromium)
    assert folded_out["faults"] == []
    assert folded_out["files"] == []
    assert chromium.errors() == []
    assert chromium.requests() == [pages[name].as_uri()]
    assert chromium.value("document.scripts.length") == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_a_link_of_the_morning_shows_the_borrower_alone_and_another_leads_back(chromium, pages, width):
    file = pages["a disturbed night"]
    chromium.open(file, width=width)
    links = chromium.value("[...document.querySelectorAll('.morning a')].map(link => link.hash)")
    assert len(set(links)) == 5  # four borrowers, one of them with a very long number, and the technical part
    shown = "[...document.querySelectorAll('.borrower, .morning, .technical')].filter(part => part.checkVisibility())"
    for link in sorted(set(links) - {"#technical"}):
        chromium.open(file, width=width, fragment=link)
        assert chromium.value(f"{shown}.map(part => part.id)") == [link.removeprefix("#")]
        assert looked_at(chromium)["faults"] == []
    chromium.value("document.querySelector('.borrower:target a').click()")
    assert chromium.value(f"{shown}.map(part => part.id)") == ["morning", "technical"]


def test_what_is_wrong_with_a_page_is_found(chromium, tmp_path):
    """The look itself: each fault that the pages are free of is seen where it is."""
    file = tmp_path / "bad.html"
    file.write_text(
        "<!doctype html><meta name=viewport content='width=device-width'><p style='color:#999'>pale text</p>"
        "<div style='width:900px;white-space:nowrap'>wide</div><div style='overflow:auto;width:100px'>"
        "<div style='width:300px'>cut</div></div><a href='#nowhere'>link</a><img alt='a chart' src='data:,'>"
        "<p id=a>one</p><p id=a>two</p><script>throw new Error('thrown')</script><img alt='' src='other.png'>"
    )
    chromium.open(file, width=360)
    faults = "\n".join(chromium.value(LOOK)["faults"])
    for told in ("pixels wide, the window 360", "contrast 2.85", "is cut at 100 of 300", "leads nowhere",
                 "a picture without its numbers", "is not drawn", "two elements have one id"):  # fmt: skip
        assert told in faults, told
    assert any("Uncaught" in error for error in chromium.errors())
    assert [url.rsplit("/", 1)[-1] for url in chromium.requests()] == ["bad.html", "other.png"]
