"""The cards of a night: each shows what its own model gave."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl

from tasks import report
from warehouse import report_rows
from warehouse.connection import writer
from warehouse.night import Night

NIGHT = date(2026, 6, 30)


def test_a_card_draws_the_contributions_of_its_own_model_version(opened_home, monkeypatch, tmp_path):
    """Champion and challenger of one family explain the same borrower by the same feature."""
    with writer(purpose="test") as con:
        con.execute(
            "create table wh.features.feat_enterprise as select 'p' as portfolio, date '2026-06-30' as as_of_date, "
            "cast(0 as smallint) as bucket, "
            "'e1' as enterprise_id, 7.0::double as size"
        )
        for version, role, contribution in (("v1", "champion", 0.25), ("v2", "challenger", -0.5)):
            con.execute(
                "insert into wh.scores.contributions by name select 'p' as portfolio, $night as as_of_date, "
                "'e1' as enterprise_id, 'operational_risk' as model_family, $version as model_version, "
                "$role as model_role, 'r' as run_id, 'size' as feature, $contribution as contribution, 1 as rank",
                {"night": NIGHT, "version": version, "role": role, "contribution": contribution},
            )
    drawn: dict[str, pl.DataFrame] = {}

    def card(rows: Any) -> str:
        drawn[rows.model["model_version"]] = rows.drawn
        return "page"

    monkeypatch.setattr(report, "card", card)
    monkeypatch.setattr(report, "CardRows", SimpleNamespace)
    rows = {"night": {"as_of_date": NIGHT}, "unseen": pl.DataFrame({"pd": [0.1]})}
    monkeypatch.setattr(report_rows, "model_rows", lambda *_, **__: rows)
    for version in ("v1", "v2"):
        told = {"model_family": "operational_risk", "model_version": version}
        record = SimpleNamespace(portfolio="p", **told, model_dump=lambda told=told, **_: told)
        report.make_card.fn(Night("p", NIGHT, "r"), record, tmp_path)
    assert {version: rows["contribution"].to_list() for version, rows in drawn.items()} == {
        "v1": [0.25],
        "v2": [-0.5],
    }
