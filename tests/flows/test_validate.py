"""The flow `validate` judges what is stored, shows it in the UI and ends its run as it should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest
from prefect.artifacts import Artifact
from pydantic import ValidationError

from flows.validate import ValidateParameters, validate
from warehouse.connection import writer
from warehouse.errors import Refused

FEEDS_ONLY = ValidateParameters(portfolio="lender", as_of=date(2026, 6, 30), gate="feeds")
STAMPS = "'lender' as portfolio, 'r1' as run_id, 'hash' as file_hash"


@pytest.fixture
def con(home: object) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with one enterprise and thirty sales."""
    with writer(purpose="test") as con:
        con.execute(
            f"""insert into wh.raw.enterprises by name
                select 'E1' as enterprise_id, date '2026-01-01' as valid_from, false as natural_person,
                       timestamp '2026-01-01' as known_at, 1 as file_row, {STAMPS}"""
        )
        con.execute(
            f"""insert into wh.raw.transactions by name
                select 'T' || i as transaction_id, 'E1' as enterprise_id, 10 as amount, 'sale' as kind,
                       'C1' as counterparty_id, timestamp '2026-06-29 09:00:00' as occurred_at,
                       timestamp '2026-06-29 09:00:00' as known_at, i as file_row, {STAMPS}
                from range(1, 31) as t (i)"""
        )
        for feed, rows in (("enterprises", 1), ("transactions", 30)):
            con.execute(
                f"""insert into wh.ops.file_ledger by name
                    select 'lender' as portfolio, '{feed}' as feed, '{feed}/a.csv' as path,
                           'hash' as file_hash,
                           'loaded' as status, {rows} as delivered, {rows} as loaded, 0 as quarantined,
                           0 as exact_duplicates, 'r1' as run_id"""
            )
        yield con


def status(con: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    found = con.execute("select status, message from wh.ops.run_ledger where flow = 'validate'").fetchone()
    assert found is not None
    return found


def test_bad_rows_are_set_aside_and_the_artifact_says_so(con, prefect_session):
    con.execute("update wh.raw.transactions set amount = 0 where file_row = 7")
    run_id = validate(FEEDS_ONLY)
    assert status(con)[0] == "done"
    assert con.execute("select rule, file_row, run_id from wh.ops.quarantine").fetchall() == [
        ("amount_is_not_zero", 7, run_id)
    ]
    shown = Artifact.get("validation-feeds")
    assert shown is not None
    assert "amount_is_not_zero**: 1 of 30 rows, rows set aside" in str(shown.data)
    assert "May I rerun?" in str(shown.data)


def test_stop_ends_the_run_as_refused_with_one_line(con, prefect_session):
    con.execute("insert into wh.raw.transactions select * from wh.raw.transactions where file_row = 7")
    with pytest.raises(Refused, match=r"^gate feeds stopped: raw.transactions, rule one_row_a_version"):
        validate(FEEDS_ONLY)
    ended, message = status(con)
    assert ended == "refused"
    assert "one_row_a_version" in message
    assert "stopped" in str(Artifact.get("validation-feeds").data).splitlines()[0]


@pytest.mark.parametrize(
    "options", [{"gate": "scores"}, {"portfolio": "No Such"}, {"as_of": "yesterday"}, {"depth": 3}]
)
def test_bad_options_are_refused(options):
    with pytest.raises(ValidationError):
        ValidateParameters(**options)
