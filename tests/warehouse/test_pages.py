"""Every query that a page tells a reader to run is one that the published warehouse answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from warehouse import examples
from warehouse.errors import Refused
from warehouse.publishing import publish
from warehouse.publishing.published import ask

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def shown(form: str) -> list[tuple[str, str]]:
    return [(page.name, found) for page in PAGES for found in re.findall(form, page.read_text())]


def test_every_query_of_the_pages_is_answered(portfolio):
    portfolio.score()
    publish.publish(portfolio.con, "run")
    queries = shown(r'flows sql "([^"]+)"')
    assert len(queries) > 20, "the pages show hardly any query: has their form changed?"
    for page, query in queries:
        try:
            ask(query)
        except Refused as error:
            pytest.fail(f"{page}: {query}\n{error}")


def test_every_example_of_the_pages_exists():
    named = {name for _, name in shown(r"flows sql --example (\w+)")} - {"NAME"}
    assert named
    assert named <= {one.name for one in examples.examples()}
