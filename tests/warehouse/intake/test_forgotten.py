"""A borrower is forgotten: in every version, in quarantine, in the bytes of the file, and in what comes later."""

from __future__ import annotations

import json
import secrets

import pytest
from feed_rows import rows_of

from warehouse.errors import Refused
from warehouse.intake import forgotten
from warehouse.intake.feeds import FEEDS
from warehouse.rewrite import rewrite
from warehouse.settings import settings

ENTERPRISES = FEEDS["enterprises"]
PII = ", ".join(ENTERPRISES.pii)


def forget(lender, name, **changes):
    asked = {"requested_by": "office 7", "reason": "request 12", "run_id": "run"} | changes
    return forgotten.forget(lender.con, portfolio=lender.portfolio, enterprise_id=name, **asked)


def personal(lender, name):
    return lender.ask(
        f"select distinct {PII} from wh.raw.enterprises where portfolio = $p and enterprise_id = $name",
        name=name,
    )


def words(name, n):
    """Rows of a borrower, each personal field with a word that compression cannot take apart."""
    return [
        {**row, "enterprise_id": name} | {p: secrets.token_hex(12) for p in ENTERPRISES.pii}
        for row in rows_of(ENTERPRISES, n)
    ]


def test_every_version_loses_its_personal_fields_and_others_keep_theirs(lender):
    lender.deliver("enterprises/a.csv", [*words("X", 3), *words("Y", 2)])
    lender.ingest()
    result = forget(lender, "X")
    assert (result.rows_changed, result.requests_before) == (3, 0)
    assert result.files == ("enterprises/a.csv",)
    assert personal(lender, "X") == [(None,) * 4]
    assert None not in {value for row in personal(lender, "Y") for value in row}
    assert lender.ask(
        "select requested_by, reason, rows_changed from wh.ops.forgotten where portfolio = $p"
    ) == [("office 7", "request 12", 3)]


def test_a_second_request_changes_nothing_and_says_so(lender):
    assert forget(lender, "E0").rows_changed == 1
    result = forget(lender, "E0")
    assert (result.rows_changed, result.rows_set_aside, result.requests_before) == (0, 0, 1)


def test_what_is_delivered_again_is_a_duplicate_without_personal_fields(lender):
    rows = words("X", 2)
    lender.deliver("enterprises/a.csv", rows)
    lender.ingest()
    forget(lender, "X")
    lender.deliver("enterprises/b.csv", rows)
    assert lender.ingest("two")["enterprises/b.csv"].exact_duplicates == 2
    assert lender.quarantine() == []
    lender.deliver(
        "enterprises/a.csv", [*rows, *words("X", 3)[2:]]
    )  # a correction of the file that was loaded
    assert lender.ingest("three")["enterprises/a.csv"].loaded == 3
    assert personal(lender, "X") == [(None,) * 4]


@pytest.mark.parametrize("forgotten_before", [True, False])
def test_a_quarantined_row_keeps_key_and_times_alone(lender, forgotten_before):
    name = "Zzyzx Quuxmann"
    wrong, moved, other = rows_of(ENTERPRISES, 3, start=6)
    wrong |= {"enterprise_id": "E0", "employees": name}
    moved |= {"enterprise_id": "E1", "employees": name, "city": "E0 of the list"}
    other |= {"enterprise_id": "E2", "employees": "many"}
    lender.deliver("enterprises/a.csv", [wrong, moved, other, *rows_of(ENTERPRISES, 12, start=100)])
    if forgotten_before:
        forget(lender, "E0")
    lender.ingest()
    if not forgotten_before:
        assert forget(lender, "E0").rows_set_aside == 2
    texts = [
        json.loads(text)
        for (text,) in lender.ask(
            "select raw_text from wh.ops.quarantine where portfolio = $p order by file_row"
        )
    ]
    assert texts[0] == {"enterprise_id": "E0", "valid_from": "2026-05-07", "known_at": "2026-06-16 12:00:00"}
    assert set(texts[1]) == set(texts[0])
    assert texts[2]["employees"] == "many"
    assert lender.ask(
        "select enterprise_id from wh.staging.stg_enterprises_quarantined where portfolio = $p order by 1"
    ) == [("E0",), ("E1",), ("E2",)]


def test_free_text_about_a_borrower_goes_too(lender):
    rows = rows_of(FEEDS["overrides"], 3)
    lender.deliver("overrides/a.csv", rows)
    lender.ingest()
    assert forget(lender, "E0").rows_changed == 2  # its profile and its override
    assert lender.ask(
        "select enterprise_id, reason from wh.raw.overrides where portfolio = $p order by 1"
    ) == [
        ("E0", "***"),
        ("E1", "reason-1"),
        ("E2", "reason-2"),
    ]
    lender.deliver("overrides/b.csv", rows)
    assert lender.ingest("two")["overrides/b.csv"].exact_duplicates == 3


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("nobody", {}, "has no enterprise nobody"),
        ("E0", {"requested_by": "Mr LEGAL_NAME-0"}, "requested_by holds the legal_name of the borrower"),
        ("E0", {"reason": "call phone-0"}, "reason holds the phone of the borrower"),
    ],
)
def test_what_cannot_be_forgotten_is_refused(lender, name, changes, words):
    with pytest.raises(Refused, match=words) as refusal:
        forget(lender, name, **changes)
    assert "\n" not in str(refusal.value)
    assert lender.ask("select count(*) from wh.ops.forgotten where portfolio = $p") == [(0,)]


def test_no_byte_is_left_in_the_file_and_nothing_else_is_lost(lender):
    gone, kept = words("GONE", 1)[0], words("KEPT", 1)[0]
    lender.deliver("enterprises/a.csv", [gone, kept])
    lender.ingest()
    lender.con.execute("checkpoint wh")
    file = settings().warehouse_file

    def left(row):
        stored = b"".join(path.read_bytes() for path in file.parent.glob("warehouse.duckdb*"))
        return sum(row[name].encode() in stored for name in ENTERPRISES.pii)

    catalogue = """
        select 'table', schema_name, table_name, comment from duckdb_tables() where database_name = 'wh'
        union all select 'column', table_name, column_name, comment from duckdb_columns() where database_name = 'wh'
        union all select 'view', schema_name, view_name, comment from duckdb_views() where database_name = 'wh'
        union all select 'macro', schema_name, function_name, null from duckdb_functions() where database_name = 'wh'
        order by all"""
    others = f"select * exclude ({PII}) from wh.raw.enterprises where portfolio = $p order by all"
    before, rows = lender.con.execute(catalogue).fetchall(), lender.ask(others)
    assert (left(gone), left(kept)) == (4, 4)
    forget(lender, "GONE")
    lender.con.execute("checkpoint wh")
    assert left(gone) > 0, "the file has to be written anew"
    rewrite(lender.con)
    assert (left(gone), left(kept)) == (0, 4)
    assert lender.con.execute(catalogue).fetchall() == before
    assert lender.ask(others) == rows
    assert {path.name for path in file.parent.glob("warehouse.duckdb*")} <= {
        "warehouse.duckdb",
        "warehouse.duckdb.wal",
    }
