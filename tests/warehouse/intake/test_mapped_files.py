"""Files of lenders load through feeds.yaml: the examples of docs/onboarding.md, and any shape that it can say."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from feed_rows import Lender
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.intake.feeds_yaml import parse_mappings

PAGE = (Path(__file__).parents[3] / "docs" / "onboarding.md").read_text(encoding="utf-8")
EXAMPLES = {
    match["name"]: match
    for match in re.finditer(
        r"```csv\n(?P<content>.*?)```\n\n```yaml\n(?P<mapping>.*?)```\n\n"
        r"(?P<rows>\d+) rows, (?P<total>-?[\d.]+) in all \(`(?P<name>[\w/-]+\.csv)`\)",
        PAGE,
        re.DOTALL,
    )
}


@pytest.fixture
def lender(con, base, tmp_path):
    return Lender(con, tmp_path / "landing", base=base)


def loaded(lender: Lender) -> tuple[int, Decimal | None]:
    ((rows, total),) = lender.ask(
        "select count(*), sum(amount) from wh.raw.transactions where portfolio = $p"
    )
    return rows, total


def map_transactions(lender: Lender, text: str) -> None:
    lender.landing.mkdir(exist_ok=True)
    lines = "".join(f"  {line}\n" for line in text.splitlines())
    (lender.landing / "feeds.yaml").write_text(f"transactions:\n{lines}", encoding="utf-8")


def test_the_page_has_five_exports():
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_export_of_the_page_loads_with_its_mapping_of_at_most_twenty_lines(lender, name):
    example = EXAMPLES[name]
    mapping = example["mapping"]
    assert len(mapping.splitlines()) <= 20
    map_transactions(lender, mapping)
    ((parsed, *_),) = parse_mappings((lender.landing / "feeds.yaml").read_bytes()).values()
    file = lender.landing / "transactions" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(example["content"].encode(parsed.encoding))
    result = lender.ingest()[f"transactions/{name}"]
    assert (result.status, result.quarantined, result.exact_duplicates) == ("loaded", 0, 0), result.message
    assert loaded(lender) == (int(example["rows"]), Decimal(example["total"]))


def test_the_loans_of_the_page_are_mapped_in_at_most_twenty_lines_a_feed():
    text = PAGE.split("cat > onboarding/sba/feeds.yaml <<'END'\n")[1].split("END\n")[0]
    mappings = parse_mappings(text)
    assert set(mappings) == {"enterprises", "loan_ledger", "outcomes"}
    lines = re.split(r"^\w+:\n", text, flags=re.MULTILINE)[1:]
    assert all(len(feed.splitlines()) < 20 for feed in lines)


def test_a_changed_mapping_loads_the_file_anew_and_the_ledger_keeps_what_was_said(lender):
    file = lender.landing / "transactions" / "a.csv"
    file.parent.mkdir(parents=True)
    file.write_text("no,day,betrag\n1,2026-05-01,100\n2,2026-05-02,250\n")
    mapping = (
        "columns: {transaction_id: no, enterprise_id: {constant: E1}, occurred_at: day, kind: {constant: sale}, "
        "amount: {from: betrag, unit: UNIT}}"
    )
    map_transactions(lender, mapping.replace("UNIT", "thousands"))
    assert lender.ingest()["transactions/a.csv"].loaded == 2
    assert lender.ingest()["transactions/a.csv"].status == "already_loaded"
    assert loaded(lender) == (2, Decimal("350000.00"))
    map_transactions(lender, mapping.replace("UNIT", "cents"))
    result = lender.ingest("later")["transactions/a.csv"]
    assert (result.loaded, result.replaced) == (2, True)
    assert "feeds.yaml says something else of it now" in result.message
    assert loaded(lender) == (2, Decimal("3.50"))
    kept = lender.ask(
        """select status, mapping from wh.ops.file_ledger
           where portfolio = $p and path = 'transactions/a.csv' order by status"""
    )
    assert [(status, '"unit":"cents"' in said) for status, said in kept] == [
        ("loaded", True),
        ("replaced", False),
    ]


def test_the_same_content_under_two_mappings_is_two_sets_of_rows(lender):
    columns = "transaction_id: {from: no, values: {x: NAME}}, occurred_at: day, amount: betrag, kind: {constant: sale}"
    for name in ("E1", "E2"):
        file = lender.landing / "transactions" / f"{name}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("no,day,betrag\nx,2026-05-01,100\n")
    map_transactions(
        lender,
        "\n".join(
            f"- {{files: {name}.csv, columns: "
            f"{{enterprise_id: {{constant: {name}}}, {columns.replace('NAME', name)}}}}}"
            for name in ("E1", "E2")
        ),
    )
    lender.ingest()
    assert loaded(lender) == (2, Decimal("200.00"))
    (lender.landing / "transactions/E1.csv").write_text("no,day,betrag\nx,2026-05-01,100\ny,2026-05-01,1\n")
    lender.ingest("later")
    assert loaded(lender) == (3, Decimal("201.00"))


def test_rows_left_out_are_told_in_the_ledger(lender):
    file = lender.landing / "transactions" / "a.csv"
    file.parent.mkdir(parents=True)
    file.write_text("no,day,betrag\n1,2026-05-01,100\n,,100\n")
    map_transactions(
        lender,
        "skip_rows: {no: '', day: ''}\ncolumns: {transaction_id: no, enterprise_id: {constant: E1}, occurred_at: day, "
        "amount: betrag, kind: {constant: sale}}",
    )
    result = lender.ingest()["transactions/a.csv"]
    assert (result.delivered, result.loaded) == (1, 1)
    assert "1 row left out as feeds.yaml says (no: empty and day: empty)" in result.message
    assert (
        "columns that are empty, feeds.yaml does not fill them: known_at, counterparty_id" in result.message
    )


AMOUNTS = st.decimals(min_value=-99_999_999, max_value=99_999_999, places=2, allow_nan=False)
DAYS = st.dates(min_value=date(1970, 1, 1), max_value=date(2025, 12, 31))
TEXTS = st.text(st.sampled_from("aZ09 äöüß€;,|'\"\t-."), min_size=1, max_size=12).map(
    lambda text: f"x{text}x"
)


@st.composite
def shapes(draw) -> dict[str, object]:
    decimal = draw(st.sampled_from([".", ","]))
    thousands = draw(st.sampled_from([mark for mark in (None, ".", ",", " ", "'") if mark != decimal]))
    return {
        "decimal": decimal,
        **({"thousands": thousands} if thousands else {}),
        "delimiter": draw(st.sampled_from([",", ";", "\t", "|"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"])),
        "dates": [
            draw(st.sampled_from(["%d.%m.%Y", "%m/%d/%Y", "%d.%m.%y", "%Y%m%d", "%d-%m-%Y", "%Y-%m-%d"]))
        ],
        "skip_lines": draw(st.integers(0, 3)),
        **({"currency": currency} if (currency := draw(st.sampled_from([None, "€", "EUR"]))) else {}),
    }


def written(amount: Decimal, shape: dict[str, object]) -> str:
    plain = f"{amount:,.2f}".replace(",", "G").replace(".", str(shape["decimal"]))
    number = plain.replace("G", str(shape.get("thousands", "")))
    return f"{number} {shape['currency']}" if "currency" in shape else number


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=shapes(), rows=st.lists(st.tuples(AMOUNTS, DAYS, TEXTS), min_size=1, max_size=12))
def test_a_file_written_in_any_shape_reads_back_to_the_same_rows(con, base, tmp_path_factory, shape, rows):
    lender = Lender(con, tmp_path_factory.mktemp("landing"), base=base)
    text = io.StringIO()
    text.write("".join(f"Kontoauszug Seite {n}\r\n" for n in range(int(shape["skip_lines"]))))
    out = csv.writer(text, delimiter=str(shape["delimiter"]))
    out.writerow(["Nr", "Tag", "Betrag (€)", "Text"])
    for number, (amount, day, note) in enumerate(rows):
        out.writerow([f"N{number}", day.strftime(shape["dates"][0]), written(amount, shape), note])
    columns = {
        "transaction_id": "Nr",
        "enterprise_id": {"constant": "E1"},
        "occurred_at": "Tag",
        "amount": "Betrag (€)",
        "counterparty_id": "Text",
        "kind": {"sign_of": "amount", "positive": "sale", "negative": "purchase"},
    }
    map_transactions(lender, yaml.safe_dump({**shape, "columns": columns}, allow_unicode=True, width=10_000))
    file = lender.landing / "transactions" / "a.csv"
    file.parent.mkdir()
    file.write_bytes(text.getvalue().encode(str(shape["encoding"])))
    result = lender.ingest()["transactions/a.csv"]
    assert (result.status, result.quarantined) == ("loaded", 0), (result.message, lender.quarantine())
    back = lender.ask(
        """select amount, cast(occurred_at as date), counterparty_id, kind from wh.raw.transactions
           where portfolio = $p order by file_row"""
    )
    assert back == [
        (amount, day, note.strip(), "sale" if amount >= 0 else "purchase") for amount, day, note in rows
    ]
