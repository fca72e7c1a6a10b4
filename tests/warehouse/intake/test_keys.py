"""No ghost borrower: keys lose their outer white space, damaged and look-alike ones are quarantined with a sentence."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest
from feed_rows import Lender, among_good, rows_of

from warehouse.intake.feeds import FEEDS
from warehouse.intake.forms import form
from warehouse.intake.keys import key_columns

FIRM = rows_of(FEEDS["enterprises"], 1)[0]


@pytest.fixture
def lender(con: duckdb.DuckDBPyConnection, base: Lender, tmp_path: Path) -> Lender:
    """A lender who knows K001 besides E0, E1 and E2."""
    lender = Lender(con, tmp_path, base=base)
    bring(lender, "first", "K001")
    return lender


def bring(lender: Lender, name: str, *keys: str | None, day: str = "2026-01-01") -> None:
    """Deliver and ingest a file of enterprises with these keys, each profile of a day of its own, among good rows."""
    rows = [
        {**FIRM, "enterprise_id": key, "valid_from": f"{day[:8]}{n:02d}"}
        for n, key in enumerate(keys, start=1)
    ]
    good = [
        {**FIRM, "enterprise_id": "GOOD", "valid_from": f"2025-01-{n + 1:02d}"} for n in range(4 * len(keys))
    ]
    lender.deliver(f"enterprises/{name}.csv", rows + good)
    lender.ingest()


def known(lender: Lender) -> set[str]:
    rows = lender.ask("select distinct enterprise_id from wh.raw.enterprises where portfolio = $p")
    return {key for (key,) in rows} - {"E0", "E1", "E2", "GOOD"}


@pytest.mark.parametrize("pad", ["  ", "\t", "\u00a0", "\u200b", "\ufeff", "\u3000", "\u2007\u202f", " \r\n"])
def test_outer_white_space_of_a_key_goes(lender, pad):
    bring(lender, "padded", f"{pad}K001", f"K001{pad}", day="2026-02-01")
    assert known(lender) == {"K001"}
    assert not lender.quarantine()
    sale = {
        **rows_of(FEEDS["transactions"], 1)[0],
        "enterprise_id": f"K001{pad}",
        "transaction_id": f"{pad}T",
    }
    lender.deliver("transactions/a.csv", [sale, {**sale, "transaction_id": "T"}])
    result = lender.ingest()["transactions/a.csv"]
    assert (result.loaded, result.exact_duplicates) == (1, 1)


@pytest.mark.parametrize(
    ("key", "differs"),
    [
        ("e001", "case"),
        ("E 001", "white space"),
        ("\u0415001", "look-alike letters"),  # Cyrillic
        ("\u0395001", "look-alike letters"),  # Greek
        ("\uff25\uff10\uff10\uff11", "look-alike letters"),  # full width
        ("\u00c9001", "look-alike letters"),
        ("E1", "leading zeros"),
        ("E01", "leading zeros"),
        ("E0001", "leading zeros"),
        ("e01", "case and leading zeros"),
        ("\u04351", "look-alike letters and case and leading zeros"),
    ],
)
def test_a_key_that_only_looks_other_is_no_new_borrower(con, tmp_path, key, differs):
    lender = Lender(con, tmp_path)
    lender.con.execute("delete from wh.raw.enterprises where portfolio = $p", {"p": lender.portfolio})
    bring(lender, "first", "E001")
    bring(lender, "other", key, "X9")
    assert known(lender) == {"E001", "X9"}
    assert lender.quarantine() == [
        (
            1,
            "similar_key",
            f"The enterprise_id '{form(key)}' differs from the known key 'E001' only by {differs}.",
        )
    ]
    sale, *good = rows_of(FEEDS["transactions"], 5)
    lender.deliver(
        "transactions/a.csv",
        [{**sale, "enterprise_id": key}, *({**row, "enterprise_id": "GOOD"} for row in good)],
    )
    lender.ingest()
    assert lender.quarantine()[-1] == (
        1,
        "unknown_enterprise",
        f"No enterprise '{form(key)}' was delivered; it differs from the known 'E001' only by {differs}.",
    )


def test_the_first_spelling_in_a_file_stands(lender):
    bring(lender, "new", "ab-7", "AB-7", "AB-07", "ab-7", "AC-7")
    assert known(lender) == {"K001", "ab-7", "AC-7"}
    assert [(row, rule) for row, rule, _ in lender.quarantine()] == [(2, "similar_key"), (3, "similar_key")]


def test_a_faulty_row_makes_no_key_known(lender):
    rows = [{**FIRM, "enterprise_id": "ab", "employees": "many"}, {**FIRM, "enterprise_id": "AB"}]
    good = [{**FIRM, "enterprise_id": "GOOD", "valid_from": f"2025-01-{n:02d}"} for n in range(1, 5)]
    lender.deliver("enterprises/new.csv", rows + good)
    lender.ingest()
    assert known(lender) == {"K001", "AB"}


def test_a_corrected_file_may_change_the_spelling(lender):
    bring(lender, "new", "ab")
    bring(lender, "new", "AB")
    assert known(lender) == {"K001", "AB"}
    assert not lender.quarantine()
    bring(lender, "new", "k001", "AB")
    assert known(lender) == {"K001", "AB"}
    assert [rule for _, rule, _ in lender.quarantine()] == ["similar_key"]


def test_both_spellings_that_stand_already_may_come_again(lender):
    for key in ("k001", "K001"):
        lender.con.execute(
            """insert into wh.raw.enterprises by name select * replace ($key as enterprise_id, 'old' as file_hash)
               from wh.raw.enterprises where portfolio = $p and enterprise_id = 'K001' limit 1""",
            {"key": key, "p": lender.portfolio},
        )
    bring(lender, "again", "k001", "K001", day="2026-03-01")
    assert not lender.quarantine()


def test_loans_are_compared_too(lender):
    loans = rows_of(FEEDS["loan_ledger"], 4)
    lender.deliver("loan_ledger/a.csv", [{**loans[0], "loan_id": "L-1"}])
    lender.ingest()
    keys = ("l-01", "L-2", "L-1", "L-3", "L-4")
    lender.deliver("loan_ledger/b.csv", [{**loans[1], "loan_id": key} for key in keys])
    assert lender.ingest()["loan_ledger/b.csv"].loaded == 4
    assert lender.quarantine() == [
        (
            1,
            "similar_key",
            "The loan_id 'a-99' differs from the known key 'A-9' only by case and leading zeros.",
        )
    ]


DAMAGED = [
    *[
        (key, "is not the key but what a spreadsheet made of it.")
        for key in ("1.23E+11", "1,23E+11", "1E+11", "1.2e11", "123.0", "123.00", "'00123", '="001"', "#REF!", "##")
    ],
    ("E0\u200b1", "holds the unseen letter U+200B."),
    ("E0\u00a01", "holds the unseen letter U+00A0."),
    ("E0\x071", "holds the unseen letter U+0007."),
    ("E0\u202e1", "holds the unseen letter U+202E."),
    ("E0\ufffd1", "holds the unseen letter U+FFFD."),
]  # fmt: skip


@pytest.mark.parametrize("feed", FEEDS.values(), ids=lambda feed: feed.name)
def test_a_damaged_key_is_never_loaded(lender, feed):
    damage = [(name, key, sentence) for name in key_columns(feed) for key, sentence in DAMAGED]
    rows = rows_of(feed, len(damage))
    for row, (name, key, _) in zip(rows, damage, strict=True):
        row[name] = key
    lender.deliver(f"{feed.name}/damaged.csv", among_good(feed, rows))
    assert lender.ingest()[f"{feed.name}/damaged.csv"].loaded == 4 * len(rows)
    assert lender.quarantine() == [
        (n, "damaged_key", f"The {name} '{form(key)}' {sentence}")
        for n, (name, key, sentence) in enumerate(damage, start=1)
    ]


@pytest.mark.parametrize(
    "key", ["123", "12E5", "7.1-3", "1e5", "a.0", "10.04.2026/7", "Müller & Söhne", "A/1 #2"]
)
def test_an_odd_key_that_no_program_made_is_a_key(lender, key):
    bring(lender, "odd", key)
    assert known(lender) == {"K001", key}


def test_whole_numbers_of_parquet_are_keys_and_floats_are_damaged(lender):
    rows = rows_of(FEEDS["enterprises"], 3)
    folder = lender.landing / "enterprises"
    keys = pl.Series([123, 456, 20000000001])
    pl.DataFrame(rows).with_columns(enterprise_id=keys).write_parquet(folder / "whole.parquet")
    pl.DataFrame(rows).with_columns(enterprise_id=keys.cast(pl.Float64)).write_parquet(
        folder / "zfloat.parquet"
    )
    lender.ingest()
    assert known(lender) == {"K001", "123", "456", "20000000001"}
    floats = lender.ingest()["enterprises/zfloat.parquet"]
    assert floats.status == "refused"
    assert floats.message.startswith("none of 3 rows can be used (four fifths are needed): 3 damaged_key; ")


def test_rows_that_wait_with_a_padded_key_come_in_when_their_enterprise_does(lender):
    sale, *others = rows_of(FEEDS["transactions"], 5)
    lender.deliver("transactions/a.csv", [{**sale, "enterprise_id": "N1\u00a0 "}, *others])
    assert lender.ingest()["transactions/a.csv"].quarantined == 1
    bring(lender, "new", "N1")
    rows = lender.ask("select enterprise_id from wh.raw.transactions where portfolio = $p")
    assert {key for (key,) in rows} == {"N1", "E0", "E1", "E2"}
    assert len(rows) == 5
