"""What a strict examiner found: inputs that changed a value, hid a row, stopped the other files or said nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from feed_rows import Lender, Row, rows_of

from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.intake.feeds_yaml import parse_mappings, read_mappings

ROWS = rows_of(FEEDS["transactions"], 10)
COLUMNS = list(ROWS[0])


def as_csv(rows: list[Row], *, delimiter: str = ",", head: str = "") -> bytes:
    lines = [delimiter.join(rows[0]), *(delimiter.join(map(str, row.values())) for row in rows)]
    return (head + "".join(f"{line}\n" for line in lines)).encode()


def as_parquet(**columns: pl.Series) -> bytes:
    file = io.BytesIO()
    pl.DataFrame(ROWS).with_columns(**columns).write_parquet(file)
    return file.getvalue()


@pytest.fixture(scope="module")
def con(tmp_path_factory):
    """One warehouse for all; each test has a portfolio of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(tmp_path_factory.mktemp("examination")))
        with writer(purpose="test") as con:
            yield con


@pytest.fixture
def lender(con, base, tmp_path):
    """A lender whose landing folder is apart from what the tests write."""
    return Lender(con, tmp_path / "landing", base=base)


@pytest.fixture
def take(lender):
    """Delivers one file of transactions and returns its result, and the values of a column."""

    def deliver(name: str, content: bytes, column: str = "amount", mapping: str = ""):
        (lender.landing / "feeds.yaml").write_text(mapping)
        file = lender.landing / "transactions" / name
        file.parent.mkdir()
        file.write_bytes(content)
        result = lender.ingest()[f"transactions/{name}"]
        values = lender.ask(
            f"select {column} from wh.raw.transactions where portfolio = $p order by file_row"
        )
        return result, [value for (value,) in values], lender.quarantine()

    return deliver


@pytest.mark.parametrize("name", ["rowid", "n", "nth", "good_before", "field 0", "file_row"])
@pytest.mark.parametrize("mapped", [False, True])
def test_a_column_of_any_name_is_read_beside_a_malformed_row(take, name, mapped):
    spelled = "file_row (2)" if name == "file_row" else name
    mapping = f"transactions:\n  columns:\n    counterparty_id: '{spelled}'\n" if mapped else ""
    rows = [{**row, name: f"v{n}"} for n, row in enumerate(ROWS)]
    result, values, faults = take("a.csv", as_csv(rows) + b"bad\n", "counterparty_id", mapping)
    assert (result.loaded, [row for row, *_ in faults]) == (10, [11])
    assert values == [f"v{n}" if mapped else row["counterparty_id"] for n, row in enumerate(ROWS)]


@pytest.mark.parametrize("currency", ["5", ".", "-", "'", "(", "''", "1a"])
def test_a_currency_that_is_part_of_a_number_is_refused(currency):
    with pytest.raises(Refused, match="is no currency"):
        parse_mappings(f'transactions:\n  currency: "{currency}"\n')


@pytest.mark.parametrize("currency", ["EUR", "€", "Rs.", "kr", "$"])
def test_a_currency_is_a_sign_or_a_code(currency):
    assert (
        parse_mappings(f'transactions:\n  currency: "{currency}"\n')["transactions"][0].currency == currency
    )


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "right/Europe/Berlin", "posix/Europe/Berlin"])
def test_a_zone_that_the_warehouse_does_not_know_is_refused(zone):
    with pytest.raises(Refused, match="no time zone is named"):
        parse_mappings(f"transactions:\n  timezone: {zone}\n")


@pytest.mark.parametrize("text", ["? [a, b]\n: c\n", "transactions:\n  ? {a: b}\n  : c\n"])
def test_a_key_that_is_no_text_is_one_line(text):
    with pytest.raises(Refused, match="unhashable key"):
        parse_mappings(text)


def test_aliases_that_grow_are_cut_in_the_line():
    grown = "".join(f"  k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 10)}]\n" for n in range(1, 10))
    with pytest.raises(Refused) as refused:
        parse_mappings(f"transactions:\n  k0: &k0 [x]\n{grown}  decimal: *k9\n")
    assert max(map(len, str(refused.value).splitlines())) < 400


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda file: file.symlink_to("nowhere")])
def test_a_feeds_yaml_that_is_no_file_is_refused_and_never_waited_for(tmp_path, make):
    make(tmp_path / "feeds.yaml")
    with pytest.raises(Refused, match="no regular file"):
        read_mappings(tmp_path)


def test_a_path_pattern_ends_on_any_path(take):
    mapping = "transactions:\n  columns:\n    counterparty_id: {path: '^((?:a+)+)$'}\n"
    result, *_ = take(f"{'a' * 40}.csv", as_csv(ROWS), mapping=mapping)
    assert "has nothing that fits" in result.message


@pytest.mark.parametrize("encoding", ["punycode", "utf-16"])
def test_an_encoding_that_does_not_fit_is_that_files_refusal(take, encoding):
    result, *_ = take("a.csv", as_csv(ROWS), mapping=f"transactions:\n  encoding: {encoding}\n")
    assert result.message.startswith(f"unreadable: not {encoding}, as feeds.yaml says")


DAMAGED = as_parquet()
LINES = [json.dumps(row) for row in ROWS]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv.gz", gzip.compress(as_csv(ROWS)) + bytes(512), "not or is damaged"),
        ("a.parquet", DAMAGED[:4] + bytes(200) + DAMAGED[204:], "deliver the file again"),
        ("a.parquet", as_parquet(file_row_number=pl.lit(1)), "no column named file_row_number"),
        ("a.parquet", as_parquet(Amount=pl.lit("1.00")), "the column amount is there twice"),
        ("a.parquet", as_parquet(transaction_id=pl.Series([[1]] * 10)), "holds lists or structures"),
        ("a.parquet", as_parquet(kind=pl.Series([{"a": "sale"}] * 10)), "holds lists or structures"),
        ("a.csv", gzip.compress(as_csv(ROWS)), "the content is gzip"),
        ("a.csv.gz", gzip.compress(gzip.compress(as_csv(ROWS))), "the content is gzip"),
        ("a.csv", DAMAGED, "the content is Parquet"),
        ("a.csv", b"PK\x03\x04" + bytes(range(256)), "a zip archive or a workbook"),
        ("a.csv", "".join(f"{line}\n" for line in LINES).encode(), "the content is JSON"),
        ("a.csv", b"<html><body>Login</body></html>\n", "the content is HTML or XML"),
        ("a.csv", b" \n\n", "empty: the file has no line"),
        ("a.csv", as_csv(ROWS, head="sep=;\n"), 'say delimiter: ","'),
        ("a.csv", as_csv(ROWS, delimiter="^"), 'say delimiter: "^"'),
    ],
)
def test_a_file_that_is_something_else_is_refused_by_one_true_line(take, name, content, words):
    result, *_ = take(name, content)
    assert (result.status, words in result.message) == ("refused", True), result.message


def test_a_file_without_a_header_shows_no_value(take):
    result, *_ = take("a.csv", as_csv(ROWS).split(b"\n", 1)[1])
    assert result.message == "no header: line 1 holds values; write the names of the columns above them"


def test_two_byte_order_marks_are_no_part_of_a_name(take):
    result, *_ = take("a.csv", b"\xef\xbb\xbf" * 2 + as_csv(ROWS))
    assert result.loaded == 10


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            LINES[0].replace('"amount": "100.25"', '"amount": "1.00", "amount": "100.25"'),
            "names every key once",
        ),
        (LINES[0].replace('"100.25"', "1234567890123456.78"), "'9999999999999999.9…', which is no decimal"),
    ],
)
def test_a_json_value_that_a_reader_would_change_is_quarantined(take, line, sentence):
    result, _, faults = take("a.ndjson", "".join(f"{text}\n" for text in [line, *LINES[1:]]).encode())
    assert result.loaded == 9
    assert [(row, sentence in detail) for row, _, detail in faults] == [(1, True)]


@pytest.mark.parametrize("number", ["12345678901234.56", "1000.5", "1e2", "-7"])
def test_a_json_number_is_loaded_as_it_is_written(take, number):
    lines = [LINES[0].replace('"100.25"', number), *LINES[1:]]
    _, values, _ = take("a.ndjson", "".join(f"{text}\n" for text in lines).encode())
    assert values[0] == Decimal(number)


def test_text_that_parquet_holds_as_bytes_keeps_its_letters(take):
    names = pl.Series([f"Müller {n}".encode() for n in range(10)])
    _, values, _ = take("a.parquet", as_parquet(counterparty_id=names), "counterparty_id")
    assert values == [f"Müller {n}" for n in range(10)]


def test_a_share_in_single_precision_is_what_it_prints(lender):
    file = lender.landing / "loan_ledger" / "a.parquet"
    file.parent.mkdir()
    rates = pl.Series([0.05, 0.1, 0.0725], dtype=pl.Float32)
    pl.DataFrame(rows_of(FEEDS["loan_ledger"])).with_columns(annual_rate=rates).write_parquet(file)
    lender.ingest()
    read = lender.ask("select annual_rate from wh.raw.loan_ledger where portfolio = $p order by file_row")
    assert read == [(0.05,), (0.1,), (0.0725,)]


@pytest.mark.parametrize(
    "key", ["\U0001d404001", "E\u0660\u0660\u0661", "\uff25001", "E\u2070\u2070\u00b9", "\u1d31001"]
)
def test_letters_and_digits_of_other_alphabets_make_no_ghost(lender, key):
    firms = rows_of(FEEDS["enterprises"], 6)
    lender.con.execute("delete from wh.raw.enterprises where portfolio = $p", {"p": lender.portfolio})
    lender.deliver("enterprises/known.csv", [{**firms[0], "enterprise_id": "E001"}])
    names = [key, *(f"Firm{letter}" for letter in "ABCDE")]
    lender.deliver(
        "enterprises/new.csv", [{**firm, "enterprise_id": n} for firm, n in zip(firms, names, strict=True)]
    )
    lender.ingest()
    assert [rule for _, rule, _ in lender.quarantine()] == ["similar_key"]


def test_two_looks_that_hide_each_other_are_named(lender):
    firms = rows_of(FEEDS["enterprises"], 6)
    names = ["\u01301", "I1", *"ABCD"]
    lender.deliver(
        "enterprises/new.csv", [{**firm, "enterprise_id": n} for firm, n in zip(firms, names, strict=True)]
    )
    lender.ingest()
    assert [detail for *_, detail in lender.quarantine()] == [
        "The enterprise_id 'A9' differs from the known key '\u01301' only by look-alike letters."
    ]
