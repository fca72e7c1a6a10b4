"""Damaged files are refused whole with one line; odd files are loaded, all but their bad rows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import datetime

import duckdb
import polars as pl
import pytest
from feed_rows import ENTERPRISES, FORMATS, Lender, among_good, rows_of, write

from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.intake import file_bytes, ingest, numbered_rows, whole_files
from warehouse.intake.feeds import FEEDS
from warehouse.intake.forms import form
from warehouse.intake.landing import list_landing

SALES = rows_of(FEEDS["transactions"], 4)
MORE_SALES = rows_of(FEEDS["transactions"], 12, start=100)
NAMES = [column.name for column in FEEDS["transactions"].columns]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(tmp_path_factory.mktemp("intake")))
        patch.setenv("NIGHTLEDGER_TIMEZONE", "Europe/Berlin")
        with writer(purpose="test") as con:
            yield con


def refusal(lender: Lender, path: str) -> str:
    """Ingest, expect the file to be refused with nothing but a ledger row, and return the reason."""
    result = lender.ingest()[path]
    assert result.status == "refused", result
    assert "\n" not in result.message
    rows = lender.ask(
        "select status, reason, loaded from wh.ops.file_ledger where portfolio = $p and path = $f", f=path
    )
    assert rows == [("refused", result.message, 0)]
    assert lender.held("transactions") == 0
    assert not lender.quarantine()
    return result.message


class TestRefusedFiles:
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_no_bytes(self, lender, suffix):
        (lender.landing / "transactions").mkdir()
        (lender.landing / f"transactions/a{suffix}").touch()
        assert refusal(lender, f"transactions/a{suffix}") == "empty: the file has 0 bytes"

    @pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
    def test_columns_but_no_row(self, lender, suffix):
        lender.deliver(f"transactions/a{suffix}", [], columns=NAMES)
        assert refusal(lender, f"transactions/a{suffix}") == "empty: the file has columns but no row"

    def test_compressed_nothing_and_empty_lines(self, lender):
        (lender.landing / "transactions").mkdir()
        (lender.landing / "transactions/a.csv.gz").write_bytes(gzip.compress(b""))
        assert refusal(lender, "transactions/a.csv.gz") == "empty: the compressed file holds 0 bytes"
        (lender.landing / "transactions/b.ndjson").write_text("\n\n")
        assert refusal(lender, "transactions/b.ndjson") == "empty: the file has no line"

    @pytest.mark.parametrize("suffix", FORMATS)
    @pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
    def test_cut_anywhere(self, lender, suffix, kept):
        path = lender.deliver(f"transactions/a{suffix}", SALES)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * kept)])
        assert refusal(lender, f"transactions/a{suffix}").startswith("truncated: ")

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_something_else_under_the_name(self, lender, suffix):
        (lender.landing / "transactions").mkdir()
        (lender.landing / f"transactions/a{suffix}").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 9 + b"\n")
        assert refusal(lender, f"transactions/a{suffix}").startswith("unreadable: ")

    def test_damage_in_the_middle(self, lender):
        for suffix in (".csv.gz", ".parquet"):
            path = lender.deliver(f"transactions/a{suffix}", SALES * 50)
            whole = bytearray(path.read_bytes())
            whole[40:160] = bytes(120)
            path.write_bytes(whole)
            assert refusal(lender, f"transactions/a{suffix}").startswith("unreadable: ")
            path.unlink()

    def test_a_file_that_cannot_be_opened(self, lender):
        (lender.landing / "transactions").mkdir()
        (lender.landing / "transactions/a.csv").symlink_to(lender.landing / "gone.csv")
        assert refusal(lender, "transactions/a.csv").startswith(
            "unreadable: a link to a file that is not there; "
        )

    def test_an_unknown_extension(self, lender):
        for name in ("a.xlsx", "b.parquet.gz", "c"):
            lender.deliver("transactions/x.csv", SALES).rename(lender.landing / "transactions" / name)
            assert refusal(lender, f"transactions/{name}").startswith(
                "unknown file extension; known are .csv"
            )

    def test_a_quote_that_swallows_rows(self, lender):
        path = lender.deliver("transactions/a.csv", SALES)
        lines = path.read_text().splitlines()
        lines[2] = lines[2].replace("counterparty_id-1", '"counterparty_id-1')
        path.write_text("\n".join(lines) + "\n")
        assert refusal(lender, "transactions/a.csv").startswith(
            "unreadable from record 2 on: a quote is opened"
        )

    def test_a_json_array_and_a_column_named_twice(self, lender):
        (lender.landing / "transactions").mkdir()
        (lender.landing / "transactions/a.json").write_text(json.dumps(SALES))
        assert "NDJSON has one object a line" in refusal(lender, "transactions/a.json")
        lender.deliver("transactions/b.csv", SALES, columns=[*NAMES, "amount"])
        assert refusal(lender, "transactions/b.csv") == "unreadable: the column amount is there twice"

    def test_a_file_that_changes_while_it_is_read(self, lender, monkeypatch):
        path = lender.deliver("transactions/a.csv", SALES)
        original = numbered_rows.read

        def grow(*args, **kwargs):
            delivered = original(*args, **kwargs)
            path.write_text(path.read_text() + "\n")
            return delivered

        monkeypatch.setattr(numbered_rows, "read", grow)
        result = lender.ingest()["transactions/a.csv"]
        assert (result.status, lender.held("transactions")) == ("refused", 0)
        assert "changed while it was read" in result.message
        monkeypatch.undo()
        assert lender.ingest()["transactions/a.csv"].loaded == 4

    def test_the_others_are_loaded_and_the_refused_file_may_come_again(self, lender):
        lender.deliver("transactions/b.csv", SALES[:2])
        path = lender.deliver("transactions/a.csv", SALES[2:])
        whole = path.read_bytes()
        path.write_bytes(whole[:-3])
        assert [result.status for result in lender.ingest().values()] == ["refused", "loaded"]
        path.write_bytes(whole)
        assert [result.status for result in lender.ingest().values()] == ["loaded", "already_loaded"]
        assert lender.held("transactions") == 4

    def test_rows_that_do_not_add_up_are_not_committed(self, lender, monkeypatch):
        lender.deliver("transactions/a.csv", SALES)
        monkeypatch.setattr(ingest, "quarantine", lambda *_args, **_more: 1)
        with pytest.raises(ingest.RowsLostError, match="4 rows delivered, but 4 loaded, 1 quarantined"):
            lender.ingest()
        assert lender.held("transactions") == 0
        assert not lender.ask("select 1 from wh.ops.file_ledger where portfolio = $p and path like 'trans%'")


class TestListing:
    def test_enterprises_come_first_and_hidden_names_are_skipped(self, tmp_path):
        for name in (
            "transactions/b.csv",
            "legal_cases/a.csv",
            "enterprises/z.csv",
            "transactions/_draft.csv",
        ):
            write(tmp_path / name, [{"a": "1"}])
        for name in (".cache/x.csv", "_truth.csv", "transactions/year=2026/c.csv", "transactions/.b.csv.swp"):
            write(tmp_path / name, [{"a": "1"}])
        assert [file.path for file in list_landing(tmp_path)] == [
            "enterprises/z.csv",
            "legal_cases/a.csv",
            "transactions/b.csv",
            "transactions/year=2026/c.csv",
        ]

    def test_what_belongs_to_no_feed_is_refused_naming_the_feeds(self, tmp_path):
        (tmp_path / "invoices").mkdir()
        with pytest.raises(Refused, match="this folder belongs to no feed.*" + ", ".join(FEEDS)):
            list_landing(tmp_path)
        (tmp_path / "invoices").rmdir()
        (tmp_path / "all.csv").touch()
        with pytest.raises(Refused, match="this file belongs to no feed"):
            list_landing(tmp_path)
        (tmp_path / "all.csv").rename(tmp_path / "outcomes")
        with pytest.raises(Refused, match="a feed is a folder"):
            list_landing(tmp_path)
        with pytest.raises(Refused, match="no landing folder"):
            list_landing(tmp_path / "gone")


class TestRowsThatAreNoRows:
    def test_malformed_csv_lines_keep_their_numbers_and_the_others_too(self, lender):
        path = lender.deliver("transactions/a.csv", [*SALES, *MORE_SALES])
        head, *lines = path.read_text().splitlines()
        lines[1] = lines[1].replace("counterparty_id-1", '"two\nlines, one ""value"""')
        path.write_text(
            "\n".join([head, "one,two", lines[0], "", lines[1], lines[2] + ",more", "", "x", *lines[3:]])
            + "\n"
        )
        result = lender.ingest()["transactions/a.csv"]
        assert (result.delivered, result.loaded, result.quarantined) == (18, 15, 3)
        assert lender.quarantine() == [
            (1, "malformed_row", "The line has 2 fields, the header has 10."),
            (4, "malformed_row", "The line has 11 fields, the header has 10."),
            (5, "malformed_row", "The line has 1 fields, the header has 10."),
        ]
        assert lender.ask(
            "select file_row, counterparty_id from wh.raw.transactions where portfolio = $p order by 1 limit 4"
        ) == [
            (2, "counterparty_id-0"),
            (3, 'two\nlines, one "value"'),
            (6, "counterparty_id-3"),
            (7, "counterparty_id-100"),
        ]

    def test_malformed_lines_of_json(self, lender):
        path = lender.deliver("transactions/a.ndjson", [*SALES, *MORE_SALES])
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0], "{broken", "", lines[1], "[1, 2]", *lines[2:]]) + "\n")
        result = lender.ingest()["transactions/a.ndjson"]
        assert (result.delivered, result.loaded, result.quarantined) == (18, 16, 2)
        assert lender.quarantine() == [
            (2, "malformed_row", "The line is no JSON object."),
            (5, "malformed_row", "The line is no JSON object."),
        ]
        assert lender.ask(
            "select file_row from wh.raw.transactions where portfolio = $p order by 1 limit 4"
        ) == [
            (1,),
            (4,),
            (6,),
            (7,),
        ]

    def test_text_that_is_not_utf8(self, lender):
        path = lender.deliver("transactions/a.csv", [*SALES, *MORE_SALES])
        path.write_bytes(path.read_bytes().replace(b"counterparty_id-2", b"M\xfcller"))
        assert refusal(lender, "transactions/a.csv").startswith("unreadable: not UTF-8 from row 3 on; ")

    def test_personal_fields_are_masked_in_quarantine(self, lender):
        rows = rows_of(FEEDS["enterprises"], 2)
        rows[0] |= {"enterprise_id": "N0", "employees": "many", "phone": None}
        rows[1] |= {"enterprise_id": None}
        path = lender.deliver("enterprises/new.csv", [*rows, *rows_of(FEEDS["enterprises"], 12, start=100)])
        path.write_text(path.read_text() + "legal_name-9,tax_number-9\n")
        lender.ingest()
        texts = lender.ask("select raw_text from wh.ops.quarantine where portfolio = $p order by file_row")
        assert json.loads(texts[0][0])["employees"] == "many"
        assert json.loads(texts[0][0])["legal_name"] == "***"
        assert json.loads(texts[0][0])["representative_gender"] == "***"
        assert json.loads(texts[0][0])["phone"] is None
        assert texts[2] == ("***",)
        quarantine = str(lender.ask("select * from wh.ops.quarantine where portfolio = $p"))
        assert not any(f"{name}-" in quarantine for name in FEEDS["enterprises"].pii)


class TestValues:
    def test_parquet_with_its_own_types(self, lender):
        frame = pl.DataFrame(
            {
                "transaction_id": [1, 2, 3, 4, 5],
                "enterprise_id": pl.Series(["E0", "E1", "E2", "E0", "E1"], dtype=pl.Categorical),
                "occurred_at": [datetime(2026, 6, 1, 12), *(datetime(2026, 6, day) for day in (2, 3, 4, 5))],
                "known_at": pl.Series([datetime(2026, 6, 5, 22)] * 5).dt.replace_time_zone("UTC"),
                "amount": [10.1, float("nan"), -3.05, 4.0, 5.0],
                "counterparty_id": [None, "", "C", "D", "E"],
                "kind": ["sale", "refund", "refund", "sale", "sale"],
                "due_at": pl.Series([None, None, datetime(2026, 7, 1), None, None]).dt.date(),
                "paid_at": [None] * 5,
                "voided": [True, None, False, False, False],
            },
            strict=False,
        )
        (lender.landing / "transactions").mkdir()
        frame.write_parquet(lender.landing / "transactions/a.parquet")
        assert lender.ingest()["transactions/a.parquet"].loaded == 4
        assert lender.quarantine() == [(2, "missing_key", "The column amount is empty.")]
        rows = lender.ask(
            "select transaction_id, known_at::varchar, amount::varchar, counterparty_id, due_at::varchar, "
            "voided from wh.raw.transactions where portfolio = $p order by 1"
        )
        assert rows[0] == ("1", "2026-06-06 00:00:00", "10.10", None, None, True)
        assert rows[1][3:] == ("C", "2026-07-01 00:00:00", False)

    def test_a_nested_payload_means_the_same_in_every_format(self, lender):
        rows = rows_of(FEEDS["operational_events"], 2)
        rows[1]["payload"] = None
        lender.deliver("operational_events/a.ndjson", rows)
        lender.deliver("operational_events/b.csv", rows)
        lender.deliver("operational_events/c.parquet", rows)
        nested = [{**row, "payload": json.loads(row["payload"]) if row["payload"] else None} for row in rows]
        pl.DataFrame(nested).write_parquet(lender.landing / "operational_events/d.parquet")
        results = lender.ingest()
        assert [result.loaded for result in results.values()] == [2, 0, 0, 0]
        assert [result.exact_duplicates for result in results.values()] == [0, 2, 2, 2]

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("amount", "1,5"),
            ("occurred_at", "30.06.2026"),
            ("occurred_at", "infinity"),
            ("due_at", "2026-02-30 10:00:00"),
            ("voided", "maybe"),
            ("amount", "99999999999999999999.00"),
        ],
    )
    def test_what_is_no_value_of_its_type(self, lender, column, value):
        rows = rows_of(FEEDS["transactions"], 5)
        rows[0][column] = value
        lender.deliver("transactions/a.csv", rows)
        assert lender.ingest()["transactions/a.csv"].loaded == 4
        ((row, rule, detail),) = lender.quarantine()
        assert (row, rule) == (1, "wrong_type")
        assert detail.startswith(f"The column {column} holds '{form(value)}', which is no ")

    def test_whole_numbers_are_not_rounded_and_offsets_become_local_time(self, lender):
        rows = rows_of(FEEDS["outcomes"], 3)
        for row, days in zip(rows, ("3.7", "3.0", "1e2"), strict=True):
            row["days_past_due"] = days
        rows[1]["known_at"] = "2026-06-30T22:30:00Z"
        rows[2]["known_at"] = "2026-06-30 22:30:00.5+05:30"
        lender.deliver("outcomes/a.csv", among_good(FEEDS["outcomes"], rows))
        lender.ingest()
        assert [(row, rule) for row, rule, _ in lender.quarantine()] == [(1, "wrong_type")]
        assert lender.ask(
            "select days_past_due, known_at::varchar from wh.raw.outcomes "
            "where portfolio = $p and file_row < 4 order by 1"
        ) == [(3, "2026-07-01 00:30:00"), (100, "2026-06-30 19:00:00.5")]

    def test_other_delimiters_capital_letters_a_mark_in_front_and_more_columns(self, lender):
        rows = [{**row, "colour": "red"} for row in SALES]
        path = lender.deliver("transactions/a.csv", rows)
        head, *lines = path.read_text().replace(",", ";").splitlines()
        path.write_bytes("\r\n".join(["\ufeff" + head.upper(), *lines, ""]).encode())
        result = lender.ingest()["transactions/a.csv"]
        assert (result.loaded, result.message) == (4, "columns left out, the feed does not know them: colour")

    def test_known_at_may_be_left_out_of_a_file_and_of_a_row(self, lender):
        rows = rows_of(FEEDS["outcomes"], 2)
        lender.deliver("outcomes/a.csv", rows, columns=[name for name in rows[0] if name != "known_at"])
        lender.deliver("outcomes/b.csv", [{**rows[0], "known_at": None}])
        results = lender.ingest()
        assert results["outcomes/b.csv"].exact_duplicates == 1
        assert lender.ask(
            "select known_at = outcome_date, known_to from wh.raw.outcomes where portfolio = $p"
        ) == [
            (True, None),
            (True, None),
        ]

    def test_json_lines_may_leave_out_what_is_null(self, lender):
        rows = [
            {name: value for name, value in row.items() if name not in ("due_at", "voided")} for row in SALES
        ]
        path = lender.deliver("transactions/a.ndjson", rows)
        path.write_text(path.read_text() + json.dumps(rows_of(FEEDS["transactions"], 5)[4]) + "\n")
        assert lender.ingest()["transactions/a.ndjson"].loaded == 5


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_name_that_looks_like_a_pattern_reads_its_own_file(lender, suffix):
    lender.deliver(f"transactions/a1{suffix}", SALES[:1])
    lender.deliver(f"transactions/a[1]{suffix}", SALES[1:])
    lender.deliver(f"transactions/it's *ü{suffix}", SALES[1:3])
    assert [(result.loaded, result.exact_duplicates) for result in lender.ingest().values()] == [
        (1, 0),
        (3, 0),
        (0, 2),
    ]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_folder_name_is_no_column(lender, suffix):
    lender.deliver(f"transactions/kind=refund/year=2026/a{suffix}", SALES)
    result = lender.ingest()[f"transactions/kind=refund/year=2026/a{suffix}"]
    assert (result.loaded, result.message) == (4, "")
    kinds = lender.ask("select kind from wh.raw.transactions where portfolio = $p order by file_row")
    assert [kind for (kind,) in kinds] == [row["kind"] for row in SALES]


def test_columns_without_a_name_are_left_out(lender):
    path = lender.deliver("transactions/a.csv", SALES)
    path.write_text("\n".join(f",{line}," for line in path.read_text().splitlines()) + "\n")
    result = lender.ingest()["transactions/a.csv"]
    assert (result.loaded, result.message.split(": ")[1]) == (4, "unnamed_1, unnamed_12")


def test_blank_lines_are_found_across_chunks(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n\nb\r\n\r\nc\n\n\nd\n")
    for size in (1, 2, 3, 1 << 20):
        monkeypatch.setattr(file_bytes, "CHUNK", size)
        file = whole_files.WholeFile(full=path, format="csv", gzipped=False)
        assert whole_files.blank_lines(file) == [2, 6, 10, 11], size


def test_a_gzip_of_several_members_is_whole(lender):
    path = lender.deliver("transactions/a.csv.gz", SALES[:2])
    more = lender.deliver("transactions/_b.csv", SALES[2:]).read_bytes().split(b"\n", 1)[1]
    path.write_bytes(path.read_bytes() + gzip.compress(more))
    assert lender.ingest()["transactions/a.csv.gz"].loaded == 4


def test_enterprises_of_another_portfolio_do_not_count(lender):
    assert len(ENTERPRISES) == 3
    lender.portfolio = "another"
    lender.deliver("transactions/a.csv", SALES)
    assert lender.ingest()["transactions/a.csv"].message.startswith(
        "none of 4 rows can be used (four fifths are needed): 4 unknown_enterprise; the first, row 1: "
    )
