"""A night on a lender's folder that holds files of every hard kind at once, beside good ones."""

from __future__ import annotations

import gzip
import os
import shutil
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from yearly_files import deliver_by_year

from flows.nightly import NightlyParameters, nightly
from models.families import FAMILIES
from models.voting_ensemble.family import VOTING_ENSEMBLE
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.wide_deep.family import WIDE_DEEP
from models.wide_deep.settings import WideDeepSettings
from tasks.deliver import deliver_feeds
from warehouse import sql
from warehouse.connection import writer
from warehouse.publishing.published import ask

pytestmark = pytest.mark.server

DAY = date(2026, 6, 30)
QUICK = VotingEnsembleSettings(
    members=("gbdt", "lightgbm"), feature_groups=("ledger", "opinion"), bags=2, folds=2, inner_folds=2,
    minimum_positives=4,
)  # fmt: skip
QUICK_WIDE = WideDeepSettings(max_epochs=5, folds=2, minimum_positives=4)
TRANSACTIONS = (
    "transaction_id,enterprise_id,occurred_at,known_at,amount,counterparty_id,kind,due_at,paid_at,voided"
)
FEEDS_YAML = """
transactions:
  - files: "bank/*"
    encoding: windows-1252
    delimiter: ";"
    skip_lines: 2
    decimal: ","
    thousands: "."
    dates: ["%d.%m.%y"]
    columns:
      transaction_id: {from: [Konto, Beleg]}
      enterprise_id: {path: '(E\\d+)\\.csv$'}
      occurred_at: Buchung
      known_at: Buchung
      amount: Betrag
      kind: {sign_of: amount, positive: sale, negative: purchase}
      counterparty_id: Empfänger
"""
BANK = """Umsatzanzeige;erstellt am 30.06.2026

Konto;Buchung;Empfänger;Beleg;Betrag
DE01;02.06.26;Müller;R1;1.488,69
DE01;03.06.26;Bäcker;R2;-236,48
DE01;05.06.26;Müller;R3;75,00
DE01;09.06.26;Käse;R4;-1.000,00
"""


def transactions(
    name: str,
    *,
    amounts: list[str] | None = None,
    times: list[str] | None = None,
    others: list[str] | None = None,
) -> str:
    """Return ten transactions of E0000003 as CSV text, with some columns in the lender's own way."""
    lines = [TRANSACTIONS]
    for n in range(10):
        amount = amounts[n % len(amounts)] if amounts else f"{100 + n}.50"
        amount = f'"{amount}"' if "," in amount else amount
        time = times[n % len(times)] if times else f"2026-06-{n + 10} 12:00:00"
        other = others[n % len(others)] if others else "CP1"
        lines.append(f"{name}-{n},E0000003,{time},2026-06-29 08:00:00,{amount},{other},sale,,,false")
    return "\n".join(lines) + "\n"


def hard_files(landing: Path) -> None:
    """Add files of the kinds that lenders deliver and that were once loaded wrong, or not at all."""
    folder = landing / "transactions"
    (landing / "feeds.yaml").write_text(FEEDS_YAML, encoding="utf-8")
    (folder / "bank").mkdir()
    (folder / "bank" / "E0000004.csv").write_bytes(BANK.encode("windows-1252"))
    (folder / "comma.csv").write_text(transactions("comma", amounts=["-1.000", "236,48", "1.488,69", "75"]))
    (folder / "cut.csv.gz").write_bytes(gzip.compress(transactions("cut")[:-30].encode()))
    (folder / "latin.csv").write_bytes(transactions("latin", others=["CP1", "Café"]).encode("windows-1252"))
    (folder / "years.csv").write_text(transactions("years", times=["25-12-05"]))
    (folder / "zones.csv").write_text(
        transactions("zones", times=["2026-06-20 23:30:00 UTC", "2026-06-20T23:30:00Z", "2026-06-20T23:30Z"])
    )
    (folder / "nothing.csv").write_text(
        transactions("nothing", others=["NULL", "nan", "None", "N/A", "\\N", "NA", "-", "#N/A", " ", "CP9"])
    )
    own, other = transactions("invoice"), transactions("invoice").replace("E0000003", "E0000005")
    (folder / "invoices.csv").write_text(own + "\n".join(other.splitlines()[1:3]) + "\n")
    (folder / "no-target.csv").symlink_to("nowhere.csv")
    os.mkfifo(folder / "pipe.csv")
    (landing / "outcomes" / "renamed.csv").write_text(
        "enterprise_id,loan_id,outcome_date,recorded_at,days_past_due,charge_off,insolvency\n"
        "E0000003,,2026-05-31,2026-06-15 08:00:00,0,false,false\n"
    )
    head, first, *others = (
        min((landing / "enterprises").glob("*.csv")).read_text(encoding="utf-8").splitlines()
    )
    number = first.split(",")[0]
    padded, ghost = (
        first.replace(number, f"{number}  ", 1),
        first.replace("E", "\u0415", 1),
    )  # a Cyrillic letter
    lines = [head, padded, *others[:9], ghost]
    (landing / "enterprises" / "padded.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def after(prefect_session: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a night on that folder left: the ledger, the quarantine, the rows, the report."""
    home = tmp_path_factory.mktemp("hard_files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home / "var"))
        patch.setenv("NIGHTLEDGER_TIMEZONE", "Europe/Berlin")
        for family, quick in ((VOTING_ENSEMBLE, QUICK), (WIDE_DEEP, QUICK_WIDE)):
            patch.setitem(FAMILIES, family.name, replace(family, settings=lambda quick=quick: quick))
        deliver_by_year(home / "simulated", enterprises=150, night=DAY)
        delivery = deliver_feeds.fn(
            source="simulated", enterprises=150, through=DAY, landing=home / "simulated"
        )
        landing = home / "landing"
        shutil.copytree(delivery.landing, landing)
        hard_files(landing)
        state = nightly(
            run=NightlyParameters(source="folder", landing=landing, portfolio="lender", as_of=DAY),
            return_state=True,
        )
        with writer(purpose="test") as con:
            transactions = sql.frame(con, "from wh.raw.transactions order by transaction_id")
            borrowers = sql.frame(
                con, "select distinct enterprise_id from wh.raw.enterprises where portfolio = 'lender'"
            )
        return {
            "state": state.name,
            "files": ask("from ops.file_ledger where portfolio = 'lender'"),
            "quarantine": ask("from ops.quarantine where portfolio = 'lender'"),
            "feeds": ask("from ops.feed_deliveries where portfolio = 'lender'"),
            "runs": ask("from ops.run_ledger where flow = 'nightly'"),
            "scores": ask("from scores.portfolio_scores where model_role = 'champion'"),
            "report": (home / "var" / "reports" / "lender" / f"report-{DAY}.html").read_text(
                encoding="utf-8"
            ),
            "transactions": transactions,
            "borrowers": borrowers,
        }


REFUSED = {
    "comma.csv": "amount in row 2 holds '999,99': a decimal comma",
    "cut.csv.gz": "truncated: the last line has no line end",
    "latin.csv": "not UTF-8 from row 2 on; looks like Windows-1252",
    "years.csv": "none of 10 rows can be used (four fifths are needed): 10 wrong_type; the first, row 1: The column "
    "occurred_at holds '99-99-99'",
    "no-target.csv": "a link to a file that is not there",
    "pipe.csv": "no regular file: this is a FIFO",
}


def loaded(after: dict[str, Any], name: str) -> pl.DataFrame:
    return after["transactions"].filter(pl.col("transaction_id").str.starts_with(f"{name}-"))


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_trusted_is_refused_whole_with_its_reason(
    after: dict[str, Any], name: str
) -> None:
    (record,) = after["files"].filter(path=f"transactions/{name}").to_dicts()
    assert record["status"] == "refused"
    assert REFUSED[name] in record["reason"]
    assert loaded(after, name.split(".", maxsplit=1)[0]).is_empty()


def test_outcomes_that_lost_known_at_are_refused(after: dict[str, Any]) -> None:
    (record,) = after["files"].filter(path="outcomes/renamed.csv").to_dicts()
    assert record["status"] == "refused"
    assert record["reason"].startswith(
        "known_at is missing, earlier files of outcomes brought it; the column recorded_at"
    )


def test_one_instant_is_one_time_however_it_is_written(after: dict[str, Any]) -> None:
    assert set(loaded(after, "zones")["occurred_at"]) == {datetime(2026, 6, 21, 1, 30)}
    assert loaded(after, "zones").height == 10


def test_words_for_nothing_are_nothing(after: dict[str, Any]) -> None:
    assert loaded(after, "nothing")["counterparty_id"].drop_nulls().to_list() == ["CP9"]


def test_an_invoice_number_of_another_borrower_restates_nothing(after: dict[str, Any]) -> None:
    rows = loaded(after, "invoice")
    assert rows["enterprise_id"].unique().to_list() == ["E0000003"]
    assert rows["known_to"].null_count() == rows.height == 10
    taken = after["quarantine"].filter(path="transactions/invoices.csv")
    assert taken["rule"].to_list() == ["key_repeated"] * 2


def test_padded_numbers_are_the_same_borrower_and_look_alikes_none(after: dict[str, Any]) -> None:
    (record,) = after["files"].filter(path="enterprises/padded.csv").to_dicts()
    assert (record["delivered"], record["exact_duplicates"], record["quarantined"]) == (11, 10, 1)
    assert after["borrowers"].height == after["scores"].height == 150
    assert after["quarantine"].filter(path="enterprises/padded.csv")["rule"].to_list() == ["similar_key"]


def test_a_bank_statement_is_read_by_feeds_yaml(after: dict[str, Any]) -> None:
    rows = after["transactions"].filter(pl.col("transaction_id").str.starts_with("DE01-"))
    assert rows["enterprise_id"].unique().to_list() == ["E0000004"]
    assert rows["amount"].to_list() == [
        Decimal("1488.69"),
        Decimal("-236.48"),
        Decimal("75.00"),
        Decimal("-1000.00"),
    ]
    assert rows["counterparty_id"].to_list() == ["Müller", "Bäcker", "Müller", "Käse"]
    assert rows["kind"].to_list() == ["sale", "purchase", "sale", "purchase"]
    (record,) = after["files"].filter(path="transactions/bank/E0000004.csv").to_dicts()
    assert '"encoding":"windows-1252"' in record["mapping"]


def test_nothing_of_any_file_is_lost(after: dict[str, Any]) -> None:
    files = after["files"].filter(status="loaded")
    assert files.height > 30
    assert files.filter(
        pl.col("delivered") != pl.col("loaded") + pl.col("quarantined") + pl.col("exact_duplicates")
    ).is_empty()


def test_the_night_is_whole_and_says_what_it_went_without(after: dict[str, Any]) -> None:
    assert after["runs"]["status"].to_list() == ["done"]
    assert after["state"] == "Completed without outcomes, transactions"
    feeds = {row["feed"]: row for row in after["feeds"].to_dicts()}
    assert {feed for feed, row in feeds.items() if row["status"] == "refused"} == {"outcomes", "transactions"}
    assert (feeds["transactions"]["files_refused"], feeds["outcomes"]["files_refused"]) == (6, 1)
    for name in ("transactions/comma.csv", "outcomes/renamed.csv"):
        assert name in after["report"]
