"""feeds.yaml: what it says is taken word by word, and every fault of it is one line."""

from __future__ import annotations

import logging
from pathlib import PurePosixPath

import pytest

from warehouse.errors import Refused
from warehouse.intake.feeds_yaml import mapping_of, parse_mappings
from warehouse.intake.landing import list_landing
from warehouse.intake.mapping import AS_ASKED


def one(text: str, feed: str = "transactions"):
    """The mapping of a feed whose lines are given without the feed's name."""
    return parse_mappings(f"{feed}:\n" + "".join(f"  {line}\n" for line in text.splitlines()))[feed][0]


@pytest.mark.parametrize(
    "word",
    ["No", "yes", "1001", "007", "2026-01-01", "25-12-05", "1_000", "~", "null", "1e3", "0x1F", "12:30"],
)
def test_a_scalar_stays_the_text_that_was_written(word):
    mapping = one(
        f"columns:\n  transaction_id: {{constant: {word}}}\n  kind: {{from: a, values: {{{word}: sale}}}}"
    )
    assert mapping.columns["transaction_id"].constant == word
    assert mapping.columns["kind"].values == {word: "sale"}


def test_short_forms_say_the_same_as_long_ones():
    short = one(
        "dates: '%d.%m.%Y'\nskip_rows: {a: Total}\ncolumns:\n  amount: Betrag\n  transaction_id: [a, b]"
    )
    long = one(
        "dates: ['%d.%m.%Y']\nskip_rows: {a: [Total]}\ncolumns:\n  amount: {from: [Betrag]}\n  transaction_id:\n"
        "    from: [a, b]"
    )
    assert short == long


def test_the_first_pattern_that_fits_counts_and_files_that_none_fits_are_ours():
    mappings = parse_mappings(
        "transactions:\n- {files: 'dkb/*.csv', decimal: ','}\n- {files: '*.csv', thousands: ','}\n"
    )
    marks = [
        (mapping.decimal, mapping.thousands)
        for path in ("dkb/sub/a.csv", "other/dkb/a.csv", "DKB/a.csv")
        for mapping in [mapping_of(mappings, PurePosixPath("transactions", path))]
    ]
    assert marks == [(",", None), (".", ","), (".", ",")]
    assert mapping_of(mappings, PurePosixPath("transactions/a.parquet")) == AS_ASKED
    assert mapping_of(mappings, PurePosixPath("outcomes/dkb/a.csv")) == AS_ASKED


def test_what_the_path_says_is_the_text_of_its_group():
    mappings = parse_mappings(r"transactions: {columns: {enterprise_id: {path: 'accounts/(\w+)\.csv'}}}")
    column = mapping_of(mappings, PurePosixPath("transactions/accounts/E7.csv")).columns["enterprise_id"]
    assert (column.constant, column.path) == ("E7", r"accounts/(\w+)\.csv")
    assert (
        mapping_of(mappings, PurePosixPath("transactions/E7.csv")).columns["enterprise_id"].constant is None
    )


MAPPING = "feeds.yaml: transactions, mapping 1"
FAULTS = {
    "columns: {amonut: a}": f"{MAPPING}, columns.amonut: no such column of transactions; did you mean amount?",
    "encodng: utf-8": f"{MAPPING}, encodng: no such key; did you mean encoding?; known are files, encoding, ",
    "columns: {amount: {frm: a}}": f"{MAPPING}, columns.amount.frm: no such key; did you mean from?",
    "columns: {amount: {from: a, sign_by: {colum: b, column: b, plus: c, minus: d}}}": "sign_by.colum: no such key",
    "columns: {amount: {from: a, sign_by: {column: b, plus: c}}}": f"{MAPPING}, columns.amount.sign_by.minus: missing",
    "columns: {amount: {from: a, constant: '1'}}": "columns.amount: from and constant given; say one of from,",
    "columns: {amount: {unit: cents}}": "columns.amount: nothing says where the values come from; say one of from,",
    "columns: {amount: ''}": "columns.amount: the name of a column of the file is empty",
    "columns: {amount: {plus: a}}": "columns.amount: plus and minus go together",
    "columns: {kind: {sign_of: amount, positive: sale}}": "columns.kind: sign_of needs positive and negative",
    "columns: {kind: {sign_of: amount, positive: sale, negative: out}}": "columns.kind: 'out' is none of sale,",
    "columns: {kind: {sign_of: voided, positive: sale, negative: refund}}": "sign_of names voided, which is no number",
    "columns: {amount: {sign_of: amount, positive: '1', negative: '2'}}": "a number cannot follow the sign of another",
    "columns: {kind: {constant: sales}}": "columns.kind: 'sales' is none of sale, purchase, supplier_payment,",
    "columns: {voided: {constant: No}}": "columns.voided: 'No' is no boolean; write true or false",
    "columns: {voided: {from: a, values: {Ja: wahr}}}": "columns.voided: 'wahr' is no boolean; write true or false",
    "columns: {occurred_at: {constant: 2026-02-30}}": "columns.occurred_at: '2026-02-30' is no timestamp; write",
    "columns: {amount: {constant: '1.005'}}": "columns.amount: '1.005' is no decimal(18,2); write 1234.50",
    "columns: {amount: {constant: ''}}": "columns.amount: every row needs a value here, so it cannot be left empty",
    "columns: {kind: {from: a, unit: cents}}": "columns.kind: plus and minus, sign_by, inverted and unit are",
    "columns: {amount: {from: a, unit: euros}}": "columns.amount.unit: Input should be 'cents', 'percent', 'thousands'",
    "columns: {amount: {from: a, days_since: 1960-01-01}}": "columns.amount: days_since is for dates, this column is a",
    "columns: {occurred_at: {from: a, days_since: 1960}}": "columns.occurred_at.days_since: '1960' is no date; write",
    "columns: {enterprise_id: {path: '(['}}": "columns.enterprise_id.path: '([' is no regular expression",
    "columns: {enterprise_id: {path: 'a.csv'}}": "columns.enterprise_id.path: 'a.csv' needs one group in parentheses",
    "columns: {enterprise_id: {path: '(a)(b)'}}": "needs one group in parentheses, it has 2",
    "columns: [amount]": f"{MAPPING}, columns: keys and values are asked for here",
    "columns: {amount: {from: {a: b}}}": f"{MAPPING}, columns.amount.from: a text or a list of texts is asked for here",
    "encoding: utf-99": f"{MAPPING}, encoding: no text encoding is named 'utf-99'",
    "encoding: hex": f"{MAPPING}, encoding: no text encoding is named 'hex'",
    "timezone: Mars/Base": f"{MAPPING}, timezone: no time zone is named 'Mars/Base'",
    "dates: '%d.%m.'": f"{MAPPING}, dates: '%d.%m.' has no year",
    "dates: ['%Y-%m-%d', '%m/%Y']": f"{MAPPING}, dates: '%m/%Y' has no day",
    "dates: 'dd.mm.yyyy'": f"{MAPPING}, dates: 'dd.mm.yyyy' has no year",
    "dates: '%d.%m.%Q'": f"{MAPPING}, dates: %Q in '%d.%m.%Q' is not known",
    "thousands: '.'": f"{MAPPING}, thousands: '.' is the decimal mark too",
    "{decimal: ',', thousands: ','}": f"{MAPPING}, thousands: ',' is the decimal mark too",
    "decimal: ;": f"{MAPPING}, decimal: Input should be '.' or ',', got ';'",
    "delimiter: ;;": f"{MAPPING}, delimiter: ';;' can stand between no fields",
    "skip_lines: four": f"{MAPPING}, skip_lines: Input should be a valid integer",
    "skip_lines: -1": f"{MAPPING}, skip_lines: Input should be greater than or equal to 0",
    "dkb": f"{MAPPING}: keys and values are asked for here",
    "[{files: '*'}, {files: a.csv}]": "mapping 2, files: an earlier mapping takes all that a.csv fits",
}


@pytest.mark.parametrize(("text", "expected"), FAULTS.items())
def test_a_fault_is_one_line_that_says_where(text, expected):
    with pytest.raises(Refused) as refusal:
        parse_mappings(f"transactions:\n  {text}\n")
    assert len(str(refusal.value).splitlines()) == 1
    assert expected in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "transactons: {}",
            "feeds.yaml: transactons: no such feed; did you mean transactions?; feeds are enterprises,",
        ),
        ("- a", "feeds.yaml: no feed is named"),
        (
            "transactions:\n  columns:\n    amount: a\n    amount: b\n",
            "feeds.yaml: line 4: the key amount is there twice",
        ),
        ("transactions:\n  columns: [", "feeds.yaml: line 2: "),
        ("transactions:\n\tdecimal: ','", "feeds.yaml: line 2: found character '\\t'"),
        ("transactions: &a [*a]", "feeds.yaml: line 1: "),
        (b"transactions: {currency: \xa4}", "feeds.yaml: no YAML: "),
    ],
)
def test_what_is_no_mapping_of_feeds_is_one_line(text, expected):
    with pytest.raises(Refused) as refusal:
        parse_mappings(text)
    assert str(refusal.value).startswith(expected)
    assert len(str(refusal.value).splitlines()) == 1


def test_all_faults_of_the_file_are_shown_each_on_its_line():
    with pytest.raises(Refused) as refusal:
        parse_mappings(
            "transactions:\n- {decimal: ';', columns: {amonut: a, kind: {constant: sales}}}\n"
            "- {timezone: Mars}\nloans: {}\n"
        )
    lines = str(refusal.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "transactions, mapping 1, decimal",
        "transactions, mapping 1, columns.amonut",
        "transactions, mapping 1, columns.kind",
        "transactions, mapping 2, timezone",
        "loans",
    ]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "transactions: []\n"])
def test_an_empty_file_maps_nothing(text):
    assert not parse_mappings(text).get("transactions")


def test_the_landing_folder_may_hold_feeds_yaml_and_gives_each_file_its_mapping(tmp_path):
    for path in ("transactions/dkb/E1.csv", "transactions/ours.csv", "outcomes/a.csv"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("a\n")
    (tmp_path / "feeds.yaml").write_text("transactions:\n  files: 'dkb/*'\n  skip_lines: 4\n")
    lines = {file.path: file.mapping.skip_lines for file in list_landing(tmp_path)}
    assert lines == {"transactions/dkb/E1.csv": 4, "transactions/ours.csv": 0, "outcomes/a.csv": 0}


def test_a_pattern_that_no_file_fits_is_told(tmp_path, caplog):
    (tmp_path / "transactions").mkdir()
    (tmp_path / "transactions" / "dkb.csv").write_text("a\n")
    (tmp_path / "feeds.yaml").write_text(
        "transactions: [{files: 'dkb*'}, {files: 'transactions/ing*'}]\noutcomes: {}\n"
    )
    caplog.set_level(logging.WARNING, logger="nightledger")
    logging.getLogger("nightledger").propagate = True
    list_landing(tmp_path)
    assert [record.getMessage().split(None, 1)[1] for record in caplog.records] == [
        "feeds.yaml: transactions, mapping 2: no file in transactions/ fits transactions/ing*",
        "feeds.yaml: outcomes, mapping 1: no file in outcomes/ fits *",
    ]


def test_a_wrong_feeds_yaml_stops_before_any_file_is_listed(tmp_path):
    (tmp_path / "feeds.yaml").write_text("transactions: {decimal: x}\nloans: {}\n")
    with pytest.raises(Refused) as refusal:
        list_landing(tmp_path)
    assert len(str(refusal.value).splitlines()) == 2
