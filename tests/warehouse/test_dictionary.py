"""The generated pages say what the SQL files say now."""

from __future__ import annotations

import pytest

from warehouse import dictionary, sql


@pytest.mark.parametrize("name", ["data-dictionary.md", "relation-map.md", "queries.md"])
def test_the_generated_page_is_up_to_date(name):
    path = dictionary.DOCS / name
    assert path.read_text() == dictionary.pages()[path], "run: python -m warehouse.dictionary"


def test_every_relation_and_column_is_in_the_dictionary():
    text = dictionary.dictionary()
    for schema in sql.SCHEMAS:
        for file in sql.catalogue(schema):
            assert f"### {file.relation.removeprefix('audits.')}\n" in text
            assert all(f"| {column.name} | {column.group} |" in text for column in file.columns)
    assert "| days_past_due | integer | days; arrears on that day |" in text


def test_the_map_is_a_graph_of_what_the_files_read():
    text = dictionary.relation_map()
    assert "  scores__portfolio_scores --> marts__mart_portfolio_latest" in text
    assert text.count("subgraph") == text.count("\n  end")
