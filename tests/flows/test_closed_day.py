"""A day that is not over is refused by every flow that takes one, before anything is written."""

from __future__ import annotations

import importlib
from datetime import date, timedelta
from types import UnionType
from typing import Any, get_args, get_type_hints

import pytest
from prefect import Flow

from flows.__main__ import COMMANDS, main, summaries
from tasks.night import closed_day, last_closed_day
from warehouse.errors import Refused

# what the other fields of a record need before it can be asked for a day
NEEDS: dict[str, dict[str, Any]] = {
    "backfill": {"first": date(2026, 6, 1)},
    "features": {"definition": "dpd90"},
}
# an approval may be for nights to come; the days of a paper's simulation are no lender's; a night that comes back from
# Parquet is looked for there; what a person does on a model is of today, and is due later
MAY_BE_AHEAD = {
    ("promote", "effective_from"), ("lead", "effective_from"), ("replicate", "through"), ("retain", "bring_back"),
    ("finding", "on"), ("finding", "due"), ("review", "on"), ("review", "next"),
}  # fmt: skip


def flow_of(name: str) -> Flow[..., Any]:
    return getattr(importlib.import_module(f"flows.{name}"), name)


def is_date(annotation: Any) -> bool:
    return annotation is date or (isinstance(annotation, UnionType) and date in get_args(annotation))


DAYS = [
    (name, field)
    for name in summaries()
    if name not in COMMANDS
    for field, declared in get_type_hints(flow_of(name).fn)["run"].model_fields.items()
    if is_date(declared.annotation) and (name, field) not in MAY_BE_AHEAD
]


def test_every_flow_that_scores_or_reads_a_night_takes_a_day():
    assert set(DAYS) == {
        *((name, "as_of") for name in ("nightly", "features", "train", "validate", "score", "watch", "report")),
        *(("compare", name) for name in ("as_of", "against")),
        *(("backfill", name) for name in ("first", "last")),
        ("features", "known_by"), ("deliver", "through"), ("stress", "as_of"),
    }  # fmt: skip


@pytest.mark.parametrize(("name", "field"), DAYS)
def test_a_day_that_is_not_over_is_refused_and_nothing_is_written(name, field, home):
    flow, last = flow_of(name), last_closed_day()
    record = get_type_hints(flow.fn)["run"]
    option = "--" + (record.model_fields[field].alias or field).replace("_", "-")
    for ahead in (1, 2, 400):
        day = last + timedelta(days=ahead)
        run = record.model_validate({**NEEDS.get(name, {}), field: day}, by_name=True)
        with pytest.raises(Refused) as refusal:
            flow.fn(run=run)
        assert str(refusal.value) == (
            f"{option} {day} is not closed yet: the last closed day is {last} (UTC); ask for that day or an earlier one"
        )
    assert not list(home.rglob("*.duckdb"))
    assert not (home / "landing").exists()


def test_the_last_closed_day_is_not_refused_and_stands_for_none():
    last = last_closed_day()
    assert closed_day(None) == closed_day(last) == last
    assert closed_day(date(1999, 12, 31)) == date(1999, 12, 31)


@pytest.mark.server
def test_the_command_line_ends_with_one_and_one_line(home, prefect_session, capsys):
    assert main(["watch", "--portfolio", "p", "--as-of", "2999-01-01"]) == 1
    line = capsys.readouterr().err
    assert line.startswith("watch refused: --as-of 2999-01-01 is not closed yet: the last closed day is ")
    assert line.count("\n") == 1
