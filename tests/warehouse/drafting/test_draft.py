"""A draft says how an export is written, why it thinks so, and what it cannot know; what it says would load, loads."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from flows.__main__ import main
from warehouse.drafting.proposal import propose
from warehouse.drafting.sample import read_sample
from warehouse.drafting.shapes import dates_in, numbers_in
from warehouse.drafting.trial import try_out
from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.intake.feeds_yaml import parse_mappings


def drafted(file: Path, feed: str = "transactions") -> tuple[str, object]:
    """The text of a draft, and the mapping that it says."""
    text = propose(read_sample(file, FEEDS[feed]), FEEDS[feed], file)
    return text, parse_mappings(text)[feed][0]


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        (["1.488,69", "-89,90", "75"], (",", ".", None)),
        (["1000,00", "-89,9"], (",", None, None)),
        (["$1,488.69", "($89.90)"], (".", ",", "$")),
        (["1 488,69 EUR", "89,90 EUR"], (",", " ", "EUR")),
        (["1'488.69", "5"], (".", "'", None)),
        (["2.500", "75"], (",", ".", None)),
        (["2500", "75"], (".", None, None)),
        (["12.5", "7.25-"], (".", None, None)),
    ],
)
def test_marks_of_money(values, marks):
    numbers = numbers_in(values, cents=True)
    assert (numbers.decimal, numbers.thousands, numbers.currency) == marks


@pytest.mark.parametrize("values", [["a", "1"], ["1,5", "1.5"], ["$1", "€1"], ["1.23.4"], []])
def test_what_is_no_money(values):
    assert numbers_in(values, cents=True) is None


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (["04.06.25", "31.12.25"], "%d.%m.%y"),
        (["09/13/2025"], "%m/%d/%Y"),
        (["13/09/2025"], "%d/%m/%Y"),
        (["7/13/25"], "%m/%d/%y"),
        (["20250913"], "%Y%m%d"),
        (["13.09.2025 10:30"], "%d.%m.%Y %H:%M"),
        (["05-Sep-2025"], "%d-%b-%Y"),
    ],
)
def test_formats_of_dates(values, first):
    assert dates_in(values).formats[0] == first


def test_dates_that_are_iso_need_no_format_and_days_are_told():
    assert dates_in(["2025-09-13", "2025-09-13T10:00:00Z"]).formats == ()
    assert dates_in(["15074", "16840"]).days
    assert dates_in(["Müller", "04.06.25"]) is None
    assert dates_in(["31.06.25", "04.06.25", "05.06.25"]).misfit == "31.06.25"


CAFE = "Buchungstag;Betrag;Text;IBAN\n01.07.25;1.475,00;Café;DE1\n02.07.25;-10,50;Büro;DE2\n".encode("cp1252")


def test_a_statement_is_read_and_every_guess_has_a_reason(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(b"Konto;DE00\nStand vom 1.1.\n" + CAFE)
    text, mapping = drafted(file)
    assert (mapping.encoding, mapping.skip_lines, mapping.delimiter) == ("windows-1252", 2, ";")
    assert (mapping.decimal, mapping.thousands, mapping.dates) == (",", ".", ("%d.%m.%y",))
    assert mapping.columns["amount"].source == ("Betrag",)
    assert mapping.columns["occurred_at"].source == ("Buchungstag",)
    assert mapping.columns["kind"].sign_of == "amount"
    assert "TODO: no column names the borrower" in text
    shape = [line for line in text.splitlines() if line.startswith("    ") and not line.startswith("     ")]
    assert all("#" in line for line in shape if "delimiter" not in line and "columns" not in line)


def test_a_day_and_a_month_that_may_be_swapped_are_a_question(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("Date,Amount,Reference\n01/02/2025,5.00,a\n03/04/2025,6.00,b\n")
    text, _ = drafted(file)
    assert "dates: ['%m/%d/%Y']  # TODO: %d/%m/%Y fits as well, no day above 12 was seen" in text


def test_debit_and_credit_apart_and_a_total(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(
        'Date,Text,Debit,Credit\n09/13/2025,a,"1,000.00",\n09/14/2025,b,,5.00\n,Total,"1,000.00",5.00\n'
    )
    _, mapping = drafted(file)
    assert (mapping.columns["amount"].plus, mapping.columns["amount"].minus) == ("Credit", "Debit")
    assert mapping.skip_rows == {"Date": ("",), "Text": ("Total",)}


def test_a_mark_tells_the_sign_of_amounts_that_have_none(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("Datum;Betrag;S/H;Referenz\n13.09.2025;5,00;S;a\n14.09.2025;6,00;H;b\n")
    _, mapping = drafted(file)
    assert (mapping.columns["amount"].sign_by.plus, mapping.columns["amount"].sign_by.minus) == (
        ("H",),
        ("S",),
    )


def test_a_number_that_repeats_is_joined_with_the_borrower(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(
        "customerID,invoiceNumber,InvoiceDate,InvoiceAmount\nC1,1,2025-01-01,5\nC2,1,2025-01-01,5\n"
    )
    text, mapping = drafted(file)
    assert mapping.columns["transaction_id"].source == ("customerID", "invoiceNumber")
    assert mapping.columns["enterprise_id"].source == ("customerID",)
    assert "constant: sale}  # TODO" in text


def test_rows_that_are_alike_in_every_column_are_told(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("Date,Amount\n2025-01-01,5\n2025-01-01,5\n2025-01-02,6\n")
    text, _ = drafted(file)
    assert (
        "TODO: 1 rows share their key with another, 1 are equal in every column and would count once" in text
    )


def test_a_required_column_that_nothing_looks_like_is_a_question(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("Reference,Amount,Text\na,5,x\nb,6,y\n")
    text, mapping = drafted(file)
    assert "# TODO occurred_at: no column looks like it" in text
    assert "occurred_at" not in mapping.columns


def test_a_boolean_is_never_guessed(tmp_path):
    file = tmp_path / "a.parquet"
    pl.DataFrame(
        {"LoanNr": [1, 2], "ChgOffDate": [15074, 15080], "MIS_Status": ["CHGOFF", "P I F"]}
    ).write_parquet(file)
    text, mapping = drafted(file, "outcomes")
    assert (
        "# TODO charge_off: {from: MIS_Status, values: {CHGOFF: ?, 'P I F': ?}} with true or false for each ?"
        in text
    )
    assert "charge_off" not in mapping.columns
    assert "TODO: days since when?" in text


def test_the_command_prints_the_mapping_and_what_would_load(home, tmp_path, capsys):
    file = tmp_path / "E1.csv"
    file.write_bytes(
        CAFE
        + "31.06.25;5,00;Büro;DE2\n".encode("cp1252")
        + b"".join(f"0{day}.08.25;5,00;x{day};DE2\n".encode() for day in range(1, 7))
    )
    assert main(["draft", "--file", str(file), "--feed", "transactions"]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) <= 40
    assert (
        "With this, 8 of 9 rows of E1.csv would load (1 quarantined, 0 exact duplicates), 1 borrower"
        in printed
    )
    assert "  sum of amount: 1494.50\n" in printed
    assert "row 3: The column occurred_at holds '99.99.99'" in printed
    assert not (home / "warehouse.duckdb").exists()


@pytest.mark.parametrize("kept", [["known_at"], ["counterparty_id", "due_at"], ["voided"]])
@pytest.mark.parametrize("suffix", [".csv", ".ndjson", ".parquet"])
def test_our_names_but_not_all_of_them_are_drafted_so_that_they_load(home, tmp_path, suffix, kept):
    required = [column.name for column in FEEDS["transactions"].columns if column.required]
    values = {
        "transaction_id": "T1", "enterprise_id": "E1", "occurred_at": "2026-01-01", "known_at": "2026-01-02",
        "counterparty_id": "C1", "amount": "5.25", "kind": "sale", "due_at": "2026-02-01", "voided": "false",
    }  # fmt: skip
    frame = pl.DataFrame([{name: values[name] for name in [*required, *kept]}])
    file = tmp_path / f"a{suffix}"
    {".csv": frame.write_csv, ".ndjson": frame.write_ndjson, ".parquet": frame.write_parquet}[suffix](file)
    text, _ = drafted(file)
    trial = try_out(file, FEEDS["transactions"], parse_mappings(text))
    assert (trial.result.status, trial.result.loaded, trial.sums) == ("loaded", 1, {"amount": "5.25"})
    assert not {note for note in trial.notes if any(name in note for name in kept)}


def test_a_folder_and_a_file_that_is_not_there_are_told(tmp_path):
    with pytest.raises(Refused, match="is a folder; name one file of it"):
        read_sample(tmp_path, FEEDS["transactions"])
    with pytest.raises(Refused, match="no file at "):
        read_sample(tmp_path / "a.csv", FEEDS["transactions"])


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "just text\nand more\n", "no line of the first 2 looks like the header of a table"),
        ("a.ndjson", "nothing\n", "no NDJSON, which has one object a line"),
        ("a.parquet", "PAR1", "a.parquet: unreadable: "),
        ("a.csv", "", "a.csv: the file is empty"),
        ("a.ndjson", "", "a.ndjson: the file is empty"),
        ("a.csv", "Date;Amount\n", "a.csv: a header without a row"),
        ("a.csv", "\x00\xff\x01\xfe" * 50, "a.csv: no text in an encoding that can be told"),
    ],
)
def test_a_file_without_a_table_is_refused_in_one_line(tmp_path, name, content, expected):
    file = tmp_path / name
    file.write_text(content, encoding="latin-1")
    with pytest.raises(Refused, match=expected) as refusal:
        read_sample(file, FEEDS["transactions"])
    assert len(str(refusal.value).splitlines()) == 1
