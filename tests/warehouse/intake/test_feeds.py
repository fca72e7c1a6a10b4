"""The declaration of the feeds agrees with the tables, the views and itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from warehouse import sql
from warehouse.connection import writer
from warehouse.intake.feeds import FEEDS
from warehouse.views import create_views

OWN = {
    "portfolio": "VARCHAR",
    "file_hash": "VARCHAR",
    "file_row": "BIGINT",
    "run_id": "VARCHAR",
    "loaded_at": "TIMESTAMP",
    "known_to": "TIMESTAMP",
    "key_hash": "BIGINT",
}


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(tmp_path_factory.mktemp("feeds")))
        with writer(purpose="test") as con:
            create_views(con)
            yield con


@pytest.mark.parametrize("feed", FEEDS.values(), ids=lambda feed: feed.name)
class TestEachFeed:
    def test_table_of_raw_has_exactly_the_declared_columns(self, con, feed):
        in_raw = {row[0]: row[1:3] for row in con.execute(f"describe wh.raw.{feed.name}").fetchall()}
        declared = {column.name: column.type.upper() for column in feed.columns}
        assert {name: kind for name, (kind, _) in in_raw.items()} == declared | OWN
        required = {column.name for column in feed.columns if column.required} | {"known_at", "portfolio"}
        assert {name for name, (_, null) in in_raw.items() if null == "NO"} == required

    def test_view_holds_every_column_but_the_personal_ones(self, con, feed):
        in_view = [row[0] for row in con.execute(f"describe wh.staging.stg_{feed.name}").fetchall()]
        wanted = {column.name for column in feed.columns if not column.pii}
        assert set(in_view) == wanted | {"portfolio", "known_to", "run_id"}
        assert [column.name for column in sql.load(f"staging.stg_{feed.name}").columns] == in_view

    def test_key_and_business_time_are_declared_columns(self, feed):
        names = [column.name for column in feed.columns]
        assert len(names) == len(set(names))
        assert {*feed.key, feed.business_time, "known_at"} <= set(names)
        assert feed.of_borrowers is ("enterprise_id" in names) is (feed.name != "scenarios")
        assert all(
            feed.column(name).required for name in feed.key if name != "loan_id" or feed.name != "outcomes"
        )
        assert feed.column(feed.business_time).type in ("date", "timestamp")


def test_only_the_enterprises_feed_is_personal():
    assert FEEDS["enterprises"].pii == ("legal_name", "tax_number", "phone", "address")
    assert not any(feed.pii for feed in FEEDS.values() if feed.name != "enterprises")
    assert next(iter(FEEDS)) == "enterprises"


def test_no_personal_column_is_named_beyond_raw():
    personal = {name for feed in FEEDS.values() for name in feed.pii}
    for schema in ("staging", "features", "marts"):
        for path in (Path(sql.SQL_DIR) / schema).glob("*.sql"):
            words = set(path.read_text().replace(",", " ").replace(".", " ").split())
            assert not personal & words, path
