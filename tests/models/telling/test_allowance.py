"""The allowance on the morning page: what it is, what moved it, and what is not known of it."""

from __future__ import annotations

import polars as pl

from models.telling.allowance import PARTS, allowance
from tests.models.telling.page_rows import ALLOWANCE, morning_rows
from warehouse import impairment


def test_the_sentence_names_the_parts_by_size_and_the_table_the_stages():
    told = allowance(morning_rows())
    assert told is not None
    assert told["told"] == "102,000, -500 since 2026-06-29: -1,000 written off, +500 PDs."
    assert told["unmeasured"] == "3 loans without one: no exposure or no PD is known."
    assert told["stages"][0] == {
        "stage": "1: as expected", "loans": "1,100", "exposure": "2 million", "allowance": "21,000", "share": "1.1%",
        "change": "+500",
    }  # fmt: skip


def test_nothing_is_told_without_loans_and_no_movement_without_a_night_before():
    assert allowance(morning_rows(allowance=pl.DataFrame(schema=ALLOWANCE))) is None
    first = pl.DataFrame([("1", 2, 0, None, None, None, None)], schema=ALLOWANCE, orient="row")
    told = allowance(
        morning_rows(
            allowance=first,
            before=None,
            allowance_moved=pl.DataFrame(schema={"part": pl.String, "change": pl.Float64}),
        )
    )
    assert told is not None
    assert told["told"].endswith("for 2 loans; none is known of a night before.")
    assert told["stages"][0]["allowance"] == "unknown"


def test_every_part_of_a_movement_has_words():
    assert tuple(PARTS) == impairment.PARTS
