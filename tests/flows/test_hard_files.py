"""A night on a lender's folder that holds files of every hard kind at once, beside good ones."""

from __future__ import annotations

import gzip
import os
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.nightly import NightlyParameters, nightly
from models.families import FAMILIES
from models.voting_ensemble.family import VOTING_ENSEMBLE
from models.wide_deep.family import WIDE_DEEP
from tasks.deliver import deliver_feeds
from tests.flows.test_nightly import QUICK, QUICK_WIDE
from warehouse.published import ask

pytestmark = pytest.mark.server

DAY = date(2026, 6, 30)
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
    delivered = sorted((landing / "enterprises").glob("*.csv"))[0].read_text().splitlines()
    first = delivered[1].split(",")[0]
    padded = [line.replace(first, f"{first}  ", 1) for line in delivered[1:2]]
    ghost = [delivered[1].replace(first, first.replace("E", "Е"), 1)]  # a Cyrillic Е
    (landing / "enterprises" / "padded.csv").write_text(
        "\n".join([delivered[0], *padded, *delivered[2:12], *ghost]) + "\n", encoding="utf-8"
    )


@pytest.fixture(scope="module")
def after(
    prefect_session: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pl.DataFrame | str | int]:
    """What a night on that folder left: the ledger, the quarantine, the rows, the report."""
    home = tmp_path_factory.mktemp("hard_files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home / "var"))
        patch.setenv("NIGHTLEDGER_TIMEZONE", "Europe/Berlin")
        for family, quick in ((VOTING_ENSEMBLE, QUICK), (WIDE_DEEP, QUICK_WIDE)):
            patch.setitem(FAMILIES, family.name, replace(family, settings=lambda quick=quick: quick))
        delivery = deliver_feeds.fn(
            source="simulated", enterprises=150, through=DAY, landing=home / "simulated"
        )
        landing = home / "landing"
        shutil.copytree(delivery.landing, landing)
        hard_files(landing)
        nightly(run=NightlyParameters(source="folder", landing=landing, portfolio="lender", as_of=DAY))
        kept = {
            "files": ask("from ops.file_ledger"),
            "quarantine": ask("from ops.quarantine"),
            "feeds": ask("from ops.feed_deliveries"),
            "runs": ask("from ops.run_ledger"),
            "scores": ask("from scores.portfolio_scores where model_role = 'champion'"),
            "report": (home / "var" / "reports" / "lender" / f"report-{DAY}.html").read_text(),
        }
        from warehouse import sql
        from warehouse.connection import writer

        with writer(purpose="test") as con:
            kept["transactions"] = sql.frame(con, "from wh.raw.transactions order by file_row", {})
            kept["enterprises"] = sql.frame(con, "select distinct enterprise_id from wh.raw.enterprises", {})
    return kept
