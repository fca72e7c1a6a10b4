"""Values are loaded as what they say or not at all: numbers, dates and times, null words, in every format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from feed_rows import Lender, rows_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from warehouse.connection import writer
from warehouse.intake.feeds import FEEDS
from warehouse.intake.forms import form
from warehouse.intake.mapping import AS_ASKED, ColumnMapping, FeedMapping
from warehouse.intake.row_rules import type_rows
from warehouse.intake.texts import NULL_WORDS
from warehouse.intake.whole_files import FileRefused

COLUMNS = {
    "money": ("transactions", "amount"),
    "double": ("loan_ledger", "annual_rate"),
    "integer": ("outcomes", "days_past_due"),
    "date": ("loan_ledger", "opened_on"),
    "timestamp": ("transactions", "due_at"),
    "boolean": ("transactions", "voided"),
    "text": ("transactions", "counterparty_id"),
}
WRONG = "wrong_type"
PROPERTY = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(tmp_path_factory.mktemp("values")))
        with writer(purpose="test") as con:
            con.execute("set TimeZone = 'Asia/Tokyo'")  # the session's zone is nobody's
            yield con


def read(
    con: duckdb.DuckDBPyConnection,
    kind: str,
    values: list[Any],
    *,
    type_: str = "VARCHAR",
    mapping: FeedMapping = AS_ASKED,
) -> list[Any]:
    """Type the values as rows of a file; WRONG stands where a value does not fit, None where there is none."""
    feed, name = COLUMNS[kind]
    con.execute("drop table if exists temp.main.intake_rows")
    con.execute(
        f"""create temp table intake_rows as
            select generate_subscripts($values, 1) as file_row, unnest($values)::{type_} as "{name}" """,
        {"values": values},
    )
    faults = type_rows(con, FEEDS[feed], types={name: type_}, portfolio="nobody", mapping=mapping)
    rows = con.execute(f'select "{name}", fault from intake_typed order by file_row').fetchall()
    con.execute("drop table temp.main.intake_rows")
    return [WRONG if fault is not None and faults[fault].rule == WRONG else value for value, fault in rows]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("money", "236.48", Decimal("236.48")),
        ("money", "-89.9", Decimal("-89.90")),
        ("money", "+75", Decimal(75)),
        ("money", ".5", Decimal("0.50")),
        ("money", "5.", Decimal(5)),
        ("money", "0001.50", Decimal("1.50")),
        ("money", "1000.5000", Decimal("1000.50")),
        ("money", "-0", Decimal(0)),
        ("money", "\u00a075.10\u200b\t", Decimal("75.10")),
        *[("money", text, WRONG) for text in ("1234.567", "-1.000", "2.500", "0.001", "1.0001", "1.005")],
        *[
            ("money", text, WRONG)
            for text in ("1e2", "1_000", "0x10", "1 000", "- 5", "--5", "5-", "1.2.3", ".")
        ],
        *[
            ("money", text, WRONG)
            for text in ("$5", "(5)", "\uff15", "inf", "Infinity", "1e400", "99999999999999999")
        ],
        ("integer", "3.0", 3),
        ("integer", "3.00", 3),
        ("integer", "-12", -12),
        ("integer", "1e2", 100),
        ("integer", "1.0000", 1),
        *[
            ("integer", text, WRONG)
            for text in ("1.000", "3.7", "3.5e0", "1_000", "0x1F", "0b1", "2147483648")
        ],
        ("double", "1.234", 1.234),
        ("double", "5e-2", 0.05),
        ("double", ".05", 0.05),
        *[("double", text, WRONG) for text in ("inf", "-Infinity", "1e400", "1_0", "5%", "1e", "0x1p3")],
        ("boolean", "True", True),
        ("boolean", " no ", False),
        ("boolean", "ja", WRONG),
    ],
)
def test_a_text_is_read_as_what_it_says_or_refused(con, kind, text, value):
    plain = {"money": "12345.67", "double": "1234.5", "integer": "1234", "boolean": "false"}[kind]
    assert read(con, kind, [text, plain])[0] == value


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("word", [*NULL_WORDS, "", " ", "\u00a0", "\u200b\ufeff", " NULL\t"])
def test_null_words_and_blanks_are_nothing_in_every_column(con, kind, word):
    assert read(con, kind, [word]) == [None]


@pytest.mark.parametrize("word", ["none", "na", "Nanette", "null and void", "0", "---", "#"])
def test_words_of_people_stay(con, word):
    assert read(con, "text", [word, f"\u3000{word}\u2009\r\n"]) == [word, word]


NUMBERS = st.one_of(
    st.text("0123456789.,-+eE_", max_size=10),
    st.text("0123456789.,-+eE_ ()$€%xXbINFinfaty'\u00a0\u2212\uff15", max_size=12),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15).map(
        str
    ),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9).map(str),
    st.floats().map(repr),
    st.integers(-(10**12), 10**12).map(str),
    st.text(max_size=6),
)


@PROPERTY
@given(texts=st.lists(NUMBERS, min_size=50, max_size=50))
@example(texts=["1.000", "1_0", "1e2", "0x1", "1,5", "-", "1.0001", "1234.567", "٣"] * 6)
@pytest.mark.parametrize("kind", ["money", "double", "integer"])
def test_no_text_is_loaded_as_a_number_that_does_not_print_back_to_it(con, kind, texts):
    anchored = [text.replace("\0", "") for text in texts] + [
        "1234.5",
        "4321.25",
    ]  # a column with a decimal point
    for text, value in zip(anchored, read(con, kind, anchored), strict=True):
        if value in (WRONG, None):
            continue
        number = text.strip("".join(c for c in text if c.isspace() or unicodedata.category(c) == "Cf"))
        pattern = r"[+-]?(\d+\.?\d*|\.\d+)" + ("" if kind == "money" else r"([eE][+-]?\d+)?")
        assert re.fullmatch(pattern, number, re.ASCII), text
        if kind == "double":
            assert value == float(number)
        else:
            assert value == Decimal(number)
            assert not re.fullmatch(r".*\.\d{3}", number), text
    if kind == "money":
        for text in (f"{Decimal(value):.2f}" for value in ("-12.3", "0.01", "123456789.99")):
            assert str(read(con, kind, [text])[0]) == text


@pytest.mark.parametrize("suffix", [".csv", ".ndjson"])
class TestMarksOfAColumn:
    def refusal(self, request: pytest.FixtureRequest, suffix: str, amounts: list[str]) -> str:
        lender = Lender(request.getfixturevalue("con"), request.getfixturevalue("tmp_path"))
        rows = [
            {**row, "amount": text}
            for row, text in zip(rows_of(FEEDS["transactions"], 6), amounts, strict=False)
        ]
        lender.deliver(f"transactions/a{suffix}", rows)
        result = lender.ingest()[f"transactions/a{suffix}"]
        assert (result.status, result.loaded) == ("refused", 0)
        return result.message

    @pytest.mark.parametrize(
        ("amounts", "row", "words"),
        [
            (["75", "-1.000", "-236,48"], 3, "a decimal comma; deliver a decimal point, or say decimal: ','"),
            (
                ["-236,48", "-89,9", "1.488,69", "-1.000", "2.500", "75"],
                1,
                "a decimal comma; deliver a decimal point, or say decimal: ',' and thousands: '.'",
            ),
            (
                ["1.000", "1.234.567"],
                2,
                "a decimal comma; deliver a decimal point, or say decimal: ',' and thousands: '.'",
            ),
            (
                ["5", "1,488.69"],
                2,
                "a thousands comma; deliver no mark between thousands, or say thousands: ','",
            ),
            (
                ["12.50", "$1,234,567"],
                2,
                "a thousands comma; deliver no mark between thousands, or say thousands: ','",
            ),
        ],
    )
    def test_proofs_of_another_mark_refuse_the_file(self, request, suffix, amounts, row, words):
        value = amounts[row - 1]
        assert self.refusal(request, suffix, amounts) == (
            f"amount in row {row} holds '{form(value)}': {words} in feeds.yaml"
        )


@pytest.mark.parametrize(
    ("kind", "values", "read_as"),
    [
        ("money", ["1,5", "101.25"], [WRONG, Decimal("101.25")]),
        ("money", ["1,488.69", "12345.50"], [WRONG, Decimal("12345.50")]),
        ("money", ["1,000", "75"], [WRONG, Decimal(75)]),
        ("money", ["-1.000", "2.500", "75"], [WRONG, WRONG, Decimal(75)]),
        ("double", ["1,5", "0.05", "1.234"], [WRONG, 0.05, 1.234]),
        ("integer", ["1,234", "5"], [WRONG, 5]),
    ],
)
def test_a_single_odd_mark_costs_its_row_only(con, kind, values, read_as):
    assert read(con, kind, values) == read_as


@pytest.mark.parametrize(
    ("kind", "values", "name"),
    [
        ("double", ["1.234", "0,05"], "annual_rate in row 2 holds '9,99': a decimal comma"),
        ("double", ["1.234", "0,123"], "annual_rate in row 2 holds '9,999': a decimal comma"),
        ("integer", ["5", "3,0"], "days_past_due in row 2 holds '9,9': a decimal comma"),
    ],
)
def test_shares_and_counts_are_judged_alike(con, kind, values, name):
    with pytest.raises(FileRefused, match=name):
        read(con, kind, values)


GERMAN = FeedMapping(decimal=",", thousands=".", currency="€")
DOLLARS = FeedMapping(thousands=",", currency="$")
SWISS = FeedMapping(thousands="'", currency="CHF")
FRENCH = FeedMapping(decimal=",", thousands=" ")


@pytest.mark.parametrize(
    ("mapping", "text", "value"),
    [
        *[(GERMAN, text, Decimal("1488.69")) for text in ("1.488,69", "1488,69", "€ 1.488,69", "1.488,69 €")],
        (GERMAN, "+1.488,69", Decimal("1488.69")),
        *[(GERMAN, text, Decimal("-1488.69")) for text in ("-1.488,69", "1.488,69-", "- 1.488,69 €", "1.488,69- €")],
        *[(GERMAN, text, Decimal("-1488.69")) for text in ("-€1.488,69", "€ -1.488,69", "(1.488,69)")],
        (GERMAN, "\u22121.488,69", Decimal("-1488.69")),
        (GERMAN, "-1.000", Decimal(-1000)),
        (GERMAN, "1.234.567", Decimal(1234567)),
        (GERMAN, ",5", Decimal("0.50")),
        *[(GERMAN, text, WRONG) for text in ("1.48", "1.48,5", "0.123", "14.88,69", "1,488.69", "1,234", "--1", "-1-")],
        *[(GERMAN, text, WRONG) for text in ("(1", "1)", "(-1)", "$5", "1e2", "1 488,69", "€", "1.4888,69")],
        (DOLLARS, "$1,488.69", Decimal("1488.69")),
        (DOLLARS, "-$1,488.69", Decimal("-1488.69")),
        (DOLLARS, "($8,954.13)", Decimal("-8954.13")),
        (DOLLARS, "-(8,954.13)", Decimal("8954.13")),
        (DOLLARS, "488.69", Decimal("488.69")),
        *[(DOLLARS, text, WRONG) for text in ("236,48", "1,4.5", "1.488,69", "12,34,567")],
        (FeedMapping(currency="EUR"), "EUR 12.50", Decimal("12.50")),
        (FeedMapping(currency="EUR"), "1.000 EUR", WRONG),
        (SWISS, "CHF 1\u2019488.69", Decimal("1488.69")),
        (SWISS, "1'488.69", Decimal("1488.69")),
        (FRENCH, "1\u202f488,69", Decimal("1488.69")),
        (FRENCH, "-1\u00a0488,69", Decimal("-1488.69")),
    ],
)  # fmt: skip
def test_a_mapping_says_how_numbers_are_written(con, mapping, text, value):
    assert read(con, "money", [text], mapping=mapping) == [value]


@PROPERTY
@given(cents=st.lists(st.integers(-(10**13), 10**13), min_size=20, max_size=20))
@pytest.mark.parametrize(
    ("decimal", "thousands"), [(",", "."), (".", ","), (",", " "), (".", "'"), (",", None)]
)
def test_every_amount_is_read_back_from_its_marks(con, decimal, thousands, cents):
    plain = [f"{Decimal(amount) / 100:,.2f}" for amount in cents]
    marks = str.maketrans({",": thousands or "", ".": decimal})
    texts = [text.translate(marks) for text in plain]
    mapping = FeedMapping(decimal=decimal, thousands=thousands)
    assert read(con, "money", texts, mapping=mapping) == [Decimal(amount) / 100 for amount in cents]


@pytest.mark.parametrize(
    ("kind", "unit", "file_value", "value"),
    [
        ("money", "cents", ("VARCHAR", "148869"), Decimal("1488.69")),
        ("money", "cents", ("BIGINT", 148869), Decimal("1488.69")),
        ("money", "cents", ("DOUBLE", 148869.0), Decimal("1488.69")),
        ("money", "cents", ("VARCHAR", "1.5"), WRONG),
        ("money", "cents", ("VARCHAR", "1.000"), WRONG),
        ("money", "thousands", ("VARCHAR", "1.48869"), Decimal("1488.69")),
        ("money", "thousands", ("VARCHAR", "1.488691"), WRONG),
        ("money", "thousands", ("DECIMAL(18,5)", Decimal("1.48869")), Decimal("1488.69")),
        ("money", "millions", ("VARCHAR", "-2.5"), Decimal(-2500000)),
        ("double", "percent", ("VARCHAR", "5.25"), 0.0525),
        ("double", "percent", ("VARCHAR", "5.25 %"), 0.0525),
        ("double", "percent", ("DOUBLE", 5.25), 0.0525),
        ("integer", "thousands", ("VARCHAR", "1.5"), 1500),
    ],
)
def test_a_mapping_says_the_unit(con, kind, unit, file_value, value):
    mapping = FeedMapping(columns={COLUMNS[kind][1]: ColumnMapping(source=("theirs",), unit=unit)})
    type_, delivered = file_value
    assert read(con, kind, [delivered], type_=type_, mapping=mapping) == [value]


@pytest.mark.parametrize(
    ("kind", "type_", "value", "read_as"),
    [
        ("money", "DOUBLE", 10.1, Decimal("10.10")),
        ("money", "DOUBLE", 0.1 + 0.2, Decimal("0.30")),
        ("money", "DOUBLE", 0.1 + 0.2 - 0.3, Decimal(0)),
        ("money", "DOUBLE", 123456789012.34, Decimal("123456789012.34")),
        *[
            ("money", "DOUBLE", value, WRONG)
            for value in (3.005, -1234.567, 12345678.905, float("inf"), 1e300)
        ],
        ("money", "DOUBLE", float("nan"), None),
        ("money", "FLOAT", 100.1, Decimal("100.10")),
        ("money", "FLOAT", 1234567.875, WRONG),
        ("money", "FLOAT", 2000000.0, Decimal(2000000)),
        ("money", "DECIMAL(18,4)", Decimal("10.1000"), Decimal("10.10")),
        ("money", "DECIMAL(18,4)", Decimal("10.1001"), WRONG),
        ("money", "DECIMAL(38,30)", Decimal("99999999.999"), WRONG),
        ("money", "BIGINT", 10**17, WRONG),
        ("integer", "DOUBLE", 3.0, 3),
        ("integer", "DOUBLE", 3.5, WRONG),
        ("integer", "DECIMAL(10,3)", Decimal("3.000"), 3),
        ("double", "DOUBLE", float("-inf"), WRONG),
    ],
)
def test_numbers_of_a_file_with_types_of_its_own(con, kind, type_, value, read_as):
    assert read(con, kind, [value], type_=type_) == [read_as]


@pytest.mark.parametrize(
    "text",
    [
        *("25-12-05", "0025-12-05", "1899-12-31", "12026-06-30", "2026-02-30", "2026-13-01", "2026/6-30", "2026 06 30"),
        *("2026-06-30 hello", "2026-06-30x", "2026-06-30Z", "2026-06-30 10", "2026-06-30T", "2026-06-30 24:00:00"),
        *("2026-06-30 10:00:60", "2026-06-30 10:00:00 EST", "2026-06-30 10:00:00 Europe/Paris", "infinity", "epoch"),
        *("0044-03-15 (BC)", "2026-06-30 (BC)", "20260630", "30.06.2026", "2026-06-30 10:00:00+5", "today"),
        *("2026-06-30 10:00:00+99:00", "2026-06-30 10:00:00 UTC+2", "-2026-06-30", "2026-06-30 10:00:00+02:00:00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_what_is_no_date(con, kind, text):
    assert read(con, kind, [text]) == [WRONG]


@st.composite
def times(draw: st.DrawFn) -> tuple[str, str, str]:
    """Date, clock and offset of a text, some of which no calendar has."""
    year, month, day = (
        draw(st.integers(1850, 2100) | st.integers(1, 2400)),
        draw(st.integers(0, 13)),
        draw(st.integers(0, 32)),
    )
    mark, pad = draw(st.sampled_from("-/")), draw(st.booleans())
    text = f"{year:04d}{mark}{month:02d}{mark}{day:02d}" if pad else f"{year}{mark}{month}{mark}{day}"
    hour, minute, second = draw(st.integers(0, 24)), draw(st.integers(0, 60)), draw(st.integers(0, 60))
    clock = draw(
        st.sampled_from(
            [
                "",
                f"{hour:02d}:{minute:02d}",
                f"{hour}:{minute}:{second}",
                f"{hour:02d}:{minute:02d}:{second:02d}",
            ]
        )
    )
    clock += draw(st.sampled_from(["", "", ".5", ",123456", ".999999999"])) if clock.count(":") == 2 else ""
    zone = (
        draw(st.sampled_from(["", "Z", " UTC", "gmt", "+02", "-0330", "+05:45", " -11:00"])) if clock else ""
    )
    return text, draw(st.sampled_from("T ")) + clock if clock else "", zone


def expected(parts: tuple[str, str, str], zone: str) -> datetime | None:
    """What Python's calendar says of the text, as local time of the zone."""
    day, clock, offset = parts
    try:
        year, month, number = map(int, re.split("[-/]", day))
        hour, minute, second, fraction = re.fullmatch(
            r"(\d+):(\d+)(?::(\d+)(?:[.,](\d+))?)?", clock[1:] or "0:0"
        ).groups()  # type: ignore[union-attr]
        micro = int((fraction or "0").ljust(6, "0")[:6])
        time = datetime(year, month, number, int(hour), int(minute), int(second or 0), micro)
    except ValueError:
        return None
    if offset:
        signed = re.fullmatch(r"\s?([+-])(\d\d):?(\d\d)?", offset)
        shift = timedelta()
        if signed:
            shift = timedelta(hours=int(signed[2]), minutes=int(signed[3] or 0)) * (
                -1 if signed[1] == "-" else 1
            )
        time = time.replace(tzinfo=timezone(shift)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return time if time.year >= 1900 and len(re.split("[-/]", day)[0]) == 4 else None


@PROPERTY
@given(drawn=st.lists(times(), min_size=50, max_size=50))
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_text_is_the_time_that_the_calendar_says(con, zone, drawn):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_TIMEZONE", zone)
        texts = ["".join(parts) for parts in drawn]
        as_times, as_dates = read(con, "timestamp", texts), read(con, "date", texts)
    for parts, text, time, day in zip(drawn, texts, as_times, as_dates, strict=True):
        moment = expected(parts, zone)
        assert time == (WRONG if moment is None else moment), text
        assert day == (WRONG if moment is None else moment.date()), text


@PROPERTY
@given(texts=st.lists(st.text("0123456789-/: TZ+.,UTCBepochinf", max_size=22), min_size=50, max_size=50))
@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_no_odd_text_is_a_date(con, kind, texts):
    for text, value in zip(texts, read(con, kind, texts), strict=True):
        if value not in (WRONG, None):
            numbers = re.match(r"\s*(\d{4})[-/](\d\d?)[-/](\d\d?)(?!\d)", text)
            assert numbers, text
            assert abs(value.toordinal() - date(*map(int, numbers.groups())).toordinal()) <= 1, text


ZONES = {
    "Europe/Berlin": [
        ("2026-06-30 23:30", "2026-07-01"),
        ("2026-10-25 00:30", "2026-10-25"),
        ("2026-10-25 01:30", "2026-10-25"),
        ("2026-03-29 01:30", "2026-03-29"),
        ("2026-10-24 22:30", "2026-10-25"),
    ],
    "America/New_York": [
        ("2026-06-30 03:30", "2026-06-29"),
        ("2026-11-01 05:30", "2026-11-01"),
        ("2026-11-01 06:30", "2026-11-01"),
        ("2026-03-08 07:30", "2026-03-08"),
        ("2026-11-01 03:30", "2026-10-31"),
    ],
}


@pytest.mark.parametrize("zone", ZONES)
def test_one_instant_has_one_local_date_in_every_format(con, tmp_path, monkeypatch, zone):
    monkeypatch.setenv("NIGHTLEDGER_TIMEZONE", zone)
    instants = [datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("UTC")) for text, _ in ZONES[zone]]
    local = [instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for instant in instants]
    rows = rows_of(FEEDS["loan_ledger"], len(instants))
    lender = Lender(con, tmp_path)
    spellings = {
        "z.csv": [f"{instant:%Y-%m-%dT%H:%MZ}" for instant in instants],
        "utc.csv": [f"{instant:%Y-%m-%d %H:%M:%S} UTC" for instant in instants],
        "offset.ndjson": [instant.astimezone(ZoneInfo("Asia/Kolkata")).isoformat() for instant in instants],
        "text.parquet": [instant.isoformat() for instant in instants],
        "local.csv": [f"{time:%Y-%m-%d %H:%M:%S}" for time in local],
    }
    for n, (name, texts) in enumerate(spellings.items()):
        spelled = [
            {**row, "loan_id": f"{n}-{i}", "opened_on": text, "known_at": text, "ledger_date": "2026-01-01"}
            for i, (row, text) in enumerate(zip(rows, texts, strict=True))
        ]
        lender.deliver(f"loan_ledger/{name}", spelled)
    for n, (name, values) in enumerate(
        {
            "instants": pl.Series(instants),
            "times": pl.Series(local),
            "nanoseconds": pl.Series(local).cast(pl.Datetime("ns")),
            "instants_ns": pl.Series(instants).cast(pl.Datetime("ns", "UTC")),
            "dates": pl.Series([time.date() for time in local]),
        }.items(),
        start=len(spellings),
    ):
        frame = pl.DataFrame([{**row, "loan_id": f"{n}-{i}"} for i, row in enumerate(rows)]).with_columns(
            opened_on=values, known_at=values, ledger_date=pl.lit("2026-01-01")
        )
        frame.write_parquet(lender.landing / f"loan_ledger/{name}.parquet")
    assert {result.loaded for result in lender.ingest().values()} == {len(instants)}
    answers = lender.ask(
        """select split_part(loan_id, '-', 2)::int, opened_on::varchar, known_at::date::varchar, count(*)
           from wh.raw.loan_ledger where portfolio = $p group by all order by 1"""
    )
    assert answers == [(i, day, day, 10) for i, (_, day) in enumerate(ZONES[zone])]


@pytest.mark.parametrize(
    ("formats", "text", "value"),
    [
        (("%d.%m.%Y", "%d.%m.%y"), "05.12.25", datetime(2025, 12, 5)),
        (("%d.%m.%Y", "%d.%m.%y"), "5.12.2025", datetime(2025, 12, 5)),
        (("%m/%d/%y",), "6/3/26", datetime(2026, 6, 3)),
        (("%m/%d/%Y %I:%M %p",), "6/3/2026 1:05 PM", datetime(2026, 6, 3, 13, 5)),
        (("%d.%m.%Y %H:%M:%S%z",), "30.06.2026 23:30:00+00:00", datetime(2026, 7, 1, 1, 30)),
        (("%d.%m.%Y %H:%M:%S%z",), "30.06.2026 23:30:00Z", datetime(2026, 7, 1, 1, 30)),
        (("%d.%m.%y",), "05.12.2025", WRONG),
        (("%d.%m.%y",), "05.12.25x", WRONG),
        (("%d.%m.%Y",), "05.12.25", WRONG),
        (("%d.%m.%Y",), "2025-12-05", WRONG),
        (("%d.%m.%Y",), "31.02.2026", WRONG),
    ],
)
def test_a_mapping_says_how_dates_are_written(con, monkeypatch, formats, text, value):
    monkeypatch.setenv("NIGHTLEDGER_TIMEZONE", "Europe/Berlin")
    mapping = FeedMapping(dates=formats)
    assert read(con, "timestamp", [text], mapping=mapping) == [value]
    assert read(con, "date", [text], mapping=mapping) == [value if value == WRONG else value.date()]


@pytest.mark.parametrize(
    ("text", "time", "day"),
    [
        ("2026-06-30 23:30:00", datetime(2026, 7, 1, 5, 30), date(2026, 7, 1)),
        ("2026-06-30T23:30:00Z", datetime(2026, 7, 1, 1, 30), date(2026, 7, 1)),
        ("2026-06-30", datetime(2026, 6, 30), date(2026, 6, 30)),
        ("2026-06-30 00:00:00", datetime(2026, 6, 30, 6), date(2026, 6, 30)),
    ],
)
def test_a_mapping_says_the_zone_of_times_without_an_offset(con, monkeypatch, text, time, day):
    monkeypatch.setenv("NIGHTLEDGER_TIMEZONE", "Europe/Berlin")
    mapping = FeedMapping(timezone="America/New_York")
    assert read(con, "timestamp", [text], mapping=mapping) == [time]
    assert read(con, "date", [text], mapping=mapping) == [day]
    if "Z" not in text and ":" in text:
        native = datetime.fromisoformat(text)
        assert read(con, "timestamp", [native], type_="TIMESTAMP", mapping=mapping) == [time]
        assert read(con, "date", [native], type_="TIMESTAMP", mapping=mapping) == [day]


@pytest.mark.parametrize("type_", ["DATE", "TIMESTAMP"])
@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_years_below_1900_are_none_in_files_with_types_either(con, kind, type_):
    assert read(con, kind, [date(25, 12, 5), date(1899, 12, 31)], type_=type_) == [WRONG, WRONG]
