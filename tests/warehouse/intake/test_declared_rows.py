"""Columns of a file become columns of ours as feeds.yaml says; their values are still text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import PurePosixPath

import duckdb
import polars as pl
import pytest

from warehouse.connection import connect
from warehouse.errors import FileRefused
from warehouse.intake import numbered_rows
from warehouse.intake.feeds import FEEDS
from warehouse.intake.feeds_yaml import mapping_of, parse_mappings
from warehouse.intake.whole_files import whole_file
from warehouse.settings import settings

NEEDED = {
    "transaction_id": "id",
    "enterprise_id": "{constant: E1}",
    "occurred_at": "day",
    "amount": "amount",
    "kind": "{constant: sale}",
}


class Mapped:
    """What came out of one file."""

    def __init__(self, con, delivered):
        self.delivered = delivered
        relation = con.sql("select * from intake_rows order by file_row")
        self.names, self.types, self.rows = relation.columns, relation.types, relation.fetchall()

    def column(self, name: str) -> list[object]:
        at = self.names.index(name)
        return [row[at] for row in self.rows]


@pytest.fixture
def con(opened_home) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB without a warehouse, which no test here needs."""
    with closing(connect(settings())) as made:
        yield made


@pytest.fixture
def read(con, tmp_path) -> Callable[..., Mapped]:
    """Reads a file of transactions whose mapping is the needed columns with others in their place."""

    def read_mapped(
        content: str | list[dict], name: str = "a.csv", shape: str = "", **columns: str
    ) -> Mapped:
        file = tmp_path / "transactions" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            pl.DataFrame(content, strict=False).write_parquet(file)
        elif name.endswith(".ndjson"):
            file.write_text("".join(json.dumps(row) + "\n" for row in content))
        else:
            file.write_text(content)
        lines = [f"    {column}: {how}" for column, how in {**NEEDED, **columns}.items() if how]
        text = "\n".join(["transactions:", *([f"  {shape}"] if shape else []), "  columns:", *lines])
        mapping = mapping_of(parse_mappings(text), PurePosixPath("transactions", name))
        delivered = numbered_rows.read(con, whole_file(file, mapping=mapping), feed=FEEDS["transactions"])
        return Mapped(con, delivered)

    return read_mapped


def test_columns_are_found_by_name_whatever_case_and_outer_blanks(read):
    mapped = read(
        "ID, Buchungs Tag ,AMOUNT\n1,2026-01-01,5\n", occurred_at="'buchungs tag '", amount="Amount"
    )
    assert mapped.rows == [(1, "1", "E1", "2026-01-01", "5", "sale")]


def test_a_column_of_ours_that_is_not_mapped_is_taken_by_its_own_name_and_what_nothing_reads_stays(read):
    mapped = read("id,day,amount,due_at,name\n1,2026-01-01,5,2026-02-01,Ann\n")
    assert mapped.column("due_at") == ["2026-02-01"]
    assert mapped.delivered.extra == ("name",)
    assert mapped.delivered.notes == (
        "columns that are empty, feeds.yaml does not fill them: known_at, counterparty_id, paid_at, voided",
    )


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("[id, no]", ["a-1", "b-", None]),
        ("{from: [no, id]}", ["1-a", "-b", None]),
        ("{first_of: [no, id]}", ["1", "b", None]),
        ("{from: id, values: {a: X, c: Y}}", ["X", "b", None]),
        ("{from: id, values: {'': none}}", ["a", "b", "none"]),
        ("{constant: 007}", ["007", "007", "007"]),
        (r"{path: '(\w+)\.csv'}", ["a", "a", "a"]),
        (r"{path: '(\w+)\.csv', values: {a: E9}}", ["E9", "E9", "E9"]),
    ],
)
def test_where_a_text_comes_from(read, how, expected):
    mapped = read("id,no,day,amount\n a ,1,d,5\nb,,d,5\n,,d,5\n", transaction_id=how)
    assert [value.strip() if value else None for value in mapped.column("transaction_id")] == expected


SIGNED = {
    "5,00": "-5,00",
    "-5,00": "5,00",
    "+5": "-5",
    "- 5": "5",
    "\u22125": "5",
    "(5.00)": "5.00",
    "5.00-": "5.00",
    "$1,000.00": "-$1,000.00",
    "many": "-many",
    "": None,
    "  ": None,
}


@pytest.mark.parametrize(("text", "turned"), SIGNED.items())
def test_an_inverted_amount_has_the_other_sign_and_what_is_no_number_is_still_none(read, text, turned):
    mapped = read(f'id,day,amount\n1,d,"{text}"\n', amount="{from: amount, inverted: true}")
    assert mapped.column("amount") == [turned]


@pytest.mark.parametrize(
    ("mark", "expected"),
    [("S", "-5"), ("H", "5"), (" H ", "5"), ("X", "5 X"), ("", "5 without a sign"), ("s", "5 s")],
)
def test_a_mark_says_whether_money_is_in_or_out_and_an_unknown_mark_makes_it_no_amount(read, mark, expected):
    how = "{from: amount, sign_by: {column: S/H, plus: H, minus: S}}"
    assert read(f"id,day,amount,S/H\n1,d,5,{mark}\n", amount=how).column("amount") == [expected]


APART = {
    ("", "75.00"): "-75.00",
    ("75.00", ""): "75.00",
    ("0.00", "75.00"): "-75.00",
    ("75.00", "0.00"): "75.00",
    ("0.00", "0.00"): "0.00",
    ("", ""): None,
    ("", "0.00"): "0.00",
    ("5", "6"): "5 and 6",
    ("n/a", "6"): "n/a and 6",
    ("", "-6"): "--6",
    ("$5", " "): "$5",
}


@pytest.mark.parametrize(("sides", "expected"), APART.items())
def test_money_in_and_money_out_apart_are_one_signed_amount_or_none(read, sides, expected):
    mapped = read(f"id,day,in,out\n1,d,{sides[0]},{sides[1]}\n", amount="{plus: in, minus: out}")
    assert mapped.column("amount") == [expected]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("5", "sale"),
        ("-5", "refund"),
        ("(5)", "refund"),
        ("5-", "refund"),
        ("$-5", "refund"),
        ("0", "sale"),
        ("", None),
    ],
)
def test_the_sign_of_another_column_decides(read, amount, expected):
    mapped = read(
        f"id,day,amount\n1,d,{amount}\n", kind="{sign_of: amount, positive: sale, negative: refund}"
    )
    assert mapped.column("kind") == [expected]


def test_the_sign_that_decides_is_that_of_the_mapped_amount(read):
    mapped = read(
        "id,day,in,out\n1,d,5,\n2,d,,5\n",
        amount="{plus: in, minus: out}",
        kind="{sign_of: amount, positive: sale, negative: refund}",
    )
    assert mapped.column("kind") == ["sale", "refund"]


@pytest.mark.parametrize(
    ("days", "shape", "expected"),
    [
        ("15074", "", "2001-04-09"),
        ("15074.0", "", "2001-04-09"),
        ("-1", "", "1959-12-31"),
        ("15074.5", "", "15074.5"),
        ("2001-04-09", "", "2001-04-09"),
        ("15074", "dates: ['%d.%m.%y', '%d.%m.%Y']", "09.04.2001"),
    ],
)
def test_days_since_a_date_are_dates_as_the_mapping_writes_them(read, days, shape, expected):
    mapped = read(
        f"id,day,amount\n1,{days},5\n", shape=shape, occurred_at="{from: day, days_since: 1960-01-01}"
    )
    assert mapped.column("occurred_at") == [expected]


def test_days_since_a_date_in_parquet(read):
    rows = [{"id": 1, "day": 15074, "amount": 5}, {"id": 2, "day": None, "amount": 5}]
    mapped = read(rows, "a.parquet", occurred_at="{from: day, days_since: 1960-01-01}")
    assert mapped.column("occurred_at") == ["2001-04-09", None]


def test_rows_that_are_none_are_left_out_counted_and_told_and_the_others_keep_their_numbers(read):
    mapped = read(
        "id,day,amount,what\n1,d,5,a\n,,5,Total\n2,d,6,Total\n,,6,Total\n3,d,7,b\n",
        shape="skip_rows: {day: '', what: [Total, Summe]}",
    )
    assert mapped.column("file_row") == [1, 3, 5]
    assert mapped.delivered.rows == 3
    assert (
        mapped.delivered.notes[-1]
        == "2 rows left out as feeds.yaml says (day: empty and what: Total or Summe)"
    )


@pytest.mark.parametrize(
    ("constant", "column", "type_"),
    [
        ("2026-01-31", "occurred_at", "TIMESTAMP"),
        ("true", "voided", "BOOLEAN"),
        ("12.50", "amount", "DECIMAL(18,2)"),
        ("''", "due_at", "TIMESTAMP"),
    ],
)
def test_a_constant_has_the_declared_type_at_once(read, constant, column, type_):
    mapped = read(
        "id,day,amount\n1,d,5\n", shape="dates: '%d.%m.%y'", **{column: f"{{constant: {constant}}}"}
    )
    assert str(mapped.types[mapped.names.index(column)]) == type_


@pytest.mark.parametrize(
    ("header", "columns", "expected"),
    [
        (
            "id,Betrag,Betrag,day",
            {"amount": "Betrag"},
            "the column Betrag is there twice; write 'Betrag (1)' or",
        ),
        ("id,amount,amount,day", {"amount": ""}, "the column amount is there twice"),
        (
            "id,betrag,day,x",
            {"amount": "Betrga"},
            "no column Betrga, which feeds.yaml names; the file has betrag and others",
        ),
        ("id,day,x,y", {"amount": ""}, "missing columns: amount; feeds.yaml does not fill them"),
        (
            "id,day,amount,x",
            {"enterprise_id": r"{path: '(\d+)\.csv'}"},
            r"the path of the file has nothing that fits (\d+)",
        ),
    ],
)
def test_a_file_that_the_mapping_does_not_fit_is_refused_in_one_sentence(read, header, columns, expected):
    with pytest.raises(FileRefused) as refusal:
        read(header + "\n1,2,3,4\n", **columns)
    assert expected in str(refusal.value)


def test_a_column_that_is_there_twice_does_no_harm_unless_it_is_used_and_then_has_a_number(read):
    content = "id,day,Währung,amount,Währung\n1,d,EUR,5,USD\n"
    assert read(content).column("amount") == ["5"]
    assert read(content, counterparty_id="'Währung (1)'").column("counterparty_id") == ["EUR"]
    assert read(content, counterparty_id="'währung (2)'").column("counterparty_id") == ["USD"]


def test_a_key_that_two_different_rows_would_share_is_refused(read):
    with pytest.raises(FileRefused, match="rows 2 and 4 the same text from different values") as refusal:
        read("id,no,day,amount\na,b,d,1\na-b,c,d,1\nx,y,d,1\na,b-c,d,1\n", transaction_id="[id, no]")
    assert "a-b" not in str(refusal.value)


@pytest.mark.parametrize("name", ["a.ndjson", "a.parquet"])
def test_other_formats_are_mapped_by_the_same_names(read, name):
    rows = [{"ID": "a", "Invoice No": "1", "day": "2026-01-01", "Amount": "5.5"}]
    mapped = read(rows, name, transaction_id="[id, invoice no]", amount="amount")
    assert mapped.rows == [(1, "a-1", "E1", "2026-01-01", "5.5", "sale")]


def test_numbers_of_parquet_keep_their_type_and_are_text_with_the_decimal_mark_only_where_a_sign_is_turned(
    read,
):
    rows = [{"id": 1, "day": "d", "amount": 5.5}, {"id": 2, "day": "d", "amount": float("nan")}]
    assert read(rows, "a.parquet").column("amount")[0] == 5.5
    mapped = read(rows, "a.parquet", shape="decimal: ','", amount="{from: amount, inverted: true}")
    assert mapped.column("amount") == ["-5,5", None]


NASTY = ["a'b", 'a"b', "a;b", "a--b", "$$", "{x}", "a\\b", "select 1", "%s", "ä€"]


@pytest.mark.parametrize("name", NASTY)
def test_what_feeds_yaml_says_is_never_taken_for_sql(read, name):
    yaml_text = "'" + name.replace("'", "''") + "'"
    csv_text = '"' + name.replace('"', '""') + '"'
    mapped = read(
        f"id,day,amount,{csv_text}\n1,d,5,{csv_text}\n2,d,5,\n",
        counterparty_id=f"{{from: {yaml_text}, values: {{{yaml_text}: {yaml_text}, '': {yaml_text}}}}}",
        transaction_id=f"{{constant: {yaml_text}}}",
        shape=f"skip_rows: {{{yaml_text}: {yaml_text}, id: 3}}",
    )
    assert mapped.column("counterparty_id") == [name, name]
    assert mapped.column("transaction_id") == [name, name]
