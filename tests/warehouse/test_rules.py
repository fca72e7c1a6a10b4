"""docs/rules.md and docs/watch.md name only what is there: relations, files, measures and settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.watching.settings import WatchSettings
from warehouse import sql

DOCS = Path(__file__).parents[2] / "docs"
ROOT = DOCS.parent
SCHEMAS = "raw|staging|features|scores|marts|ops"
PAGES = ("rules.md", "watch.md")


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def relations(con) -> set[str]:
    held = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'wh'"
    )
    files = {file.relation for schema in ("staging", "features", "marts") for file in sql.catalogue(schema)}
    return {row[0] for row in held.fetchall()} | files


@pytest.mark.parametrize("page", PAGES)
def test_every_relation_that_is_named_exists(con, page):
    named = set(re.findall(rf"\b(?:{SCHEMAS})\.[a-z_]+\b", read(page)))
    assert len(named) > 5
    assert named - relations(con) == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page):
    text = read(page)
    named = [
        ROOT / path for path in re.findall(r"`((?:tests|models|tasks|flows|warehouse|sql)/[\w/.]+)`", text)
    ]
    named += [DOCS / path.split("#")[0] for path in re.findall(r"\]\(([^)]+)\)", text) if "://" not in path]
    assert len(named) > 5
    assert [str(path) for path in named if not path.exists()] == []


@pytest.mark.parametrize("rule", ["SR 26-2", "EBA/GL/2020/06", "Annex III point 5(b)", "2 December 2027"])
def test_the_rules_are_named(rule):
    assert rule in read("rules.md")


def test_limits_that_are_told_are_the_settings():
    limits, text = WatchSettings(), read("watch.md")
    assert f"watch from {limits.index_watch:.2f}, alarm from {limits.index_alarm:.2f}" in text
    assert f"watch from {limits.level_watch:.0%}, alarm from {limits.level_alarm:.0%}" in text
    assert f"watch below {limits.p_watch}, alarm below {limits.p_alarm}" in text
    assert f"{limits.smoothing} rows are added" in text
    assert f"({limits.cut_off:g}, the upper bound of grade D1" in read("rules.md")
    assert f"Groups below {limits.minimum_group} borrowers" in read("rules.md")
