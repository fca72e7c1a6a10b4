"""The flow retain: what it takes, what it records and shows, and what other flows say of a night that it moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.replay import ReplayParameters, replay
from flows.retain import RetainParameters, retain
from flows.score import ScoreParameters, score
from flows.validate import ValidateParameters, validate
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.publishing.publish import publish
from warehouse.publishing.published import ask
from warehouse.retention import KEPT_NIGHTS

FIRST = date(2026, 1, 1)
NIGHTS = KEPT_NIGHTS + 20
RUN = "20260102T023000-nightly-abcdef"


@pytest.fixture
def nights(home: Path, prefect_session: None) -> Path:
    """120 published nights of two borrowers, whose features are a class of coverage each."""
    with writer(purpose="test") as con:
        con.execute(
            "create table wh.features.feat_coverage (portfolio varchar, as_of_date date, bucket smallint, "
            "enterprise_id varchar, coverage varchar, coverage_rule varchar)"
        )
        for relation, values in (
            ("scores.portfolio_scores", "'champion' as model_role, 'thick' as coverage"),
            ("scores.contributions", "'champion' as model_role, 'debt' as feature, 0.1 as contribution"),
            ("features.feat_coverage", "0 as bucket, 'thick' as coverage"),
        ):
            stamped = f", '{RUN}' as run_id" if relation.startswith("scores") else ""
            con.execute(
                f"insert into wh.{relation} by name select 'lender' as portfolio, "
                f"date '{FIRST}' + cast(d as integer) as as_of_date, "
                f"'e' || i as enterprise_id, {values}{stamped} "
                f"from range({NIGHTS}) as days (d), range(2) as borrowers (i)"
            )
        con.execute(
            "insert into wh.ops.run_ledger by name select ? as run_id, 'nightly' as flow, 'lender' as portfolio, "
            "cast(? as date) as as_of_date, 'done' as status, '{}' as parameters",
            [RUN, FIRST],
        )
        publish(con, "run")
    return home


def asked(query: str) -> list[tuple]:
    return ask(query).rows()


def test_what_is_asked_has_bounds_and_a_night_has_a_portfolio():
    with pytest.raises(ValidationError, match="greater than or equal to 100"):
        RetainParameters(keep_nights=99)
    with pytest.raises(ValidationError, match="--bring-back needs --portfolio"):
        RetainParameters(bring_back=FIRST)


@pytest.mark.server
def test_nights_go_to_parquet_are_told_and_come_back(nights: Path) -> None:
    run_id = retain(run=RetainParameters())
    moved = asked(
        "select relation, count(*) as nights, any_value(run_id) as run_id from ops.older_nights group by all"
    )
    assert sorted(moved) == [
        (name, 20, run_id) for name in ("features.feat_coverage", "scores.contributions")
    ]
    ((status, counts),) = asked(f"select status, counts from ops.run_ledger where run_id = '{run_id}'")
    assert status == "done"
    assert json.loads(counts)["nights"] == 20
    assert asked("select count(distinct as_of_date) from every_night.contributions") == [(NIGHTS,)]
    assert asked("select count(distinct as_of_date) from scores.portfolio_scores") == [(NIGHTS,)]

    command = f"python -m flows retain --portfolio lender --bring-back {FIRST}"
    refused: list[Callable[[], str]] = [
        lambda: score(run=ScoreParameters(portfolio="lender", as_of=FIRST)),
        lambda: validate(run=ValidateParameters(portfolio="lender", as_of=FIRST, gate="features")),
    ]
    for flow in refused:
        with pytest.raises(Refused) as refusal:
            flow()
        assert str(refusal.value).endswith(command)
    with pytest.raises(Refused) as refusal:
        replay(run=ReplayParameters(run_id=RUN))
    assert str(refusal.value).endswith(command)

    retain(run=RetainParameters(portfolio="lender", bring_back=FIRST))
    assert asked(f"select count(*) from ops.older_nights where as_of_date = '{FIRST}'") == [(0,)]
    with writer(purpose="test") as con:
        for relation in ("features.feat_coverage", "scores.contributions"):
            rows = con.execute(f"select count(*) from wh.{relation} where as_of_date = ?", [FIRST]).fetchone()
            assert rows == (2,)
        days = con.execute("select distinct as_of_date from wh.scores.contributions order by 1").fetchall()
    last = [FIRST + timedelta(days=number) for number in range(NIGHTS - KEPT_NIGHTS, NIGHTS)]
    assert [day for (day,) in days] == [FIRST, *last]
