"""The ingest flow on a real landing folder: what is right is loaded, then the refused files end the run."""

from __future__ import annotations

import logging
import os
import re
from html import escape
from pathlib import Path

import polars as pl
import pytest
from markdown_it import MarkdownIt
from pydantic import ValidationError

from flows.ingest import IngestParameters, _page, ingest
from tasks.ingest import IngestSummary, load_feed_files
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.intake.landing import list_landing
from warehouse.safe_text import printable

FIRM = dict.fromkeys(FEEDS["enterprises"].must_deliver) | {
    "enterprise_id": "E1",
    "valid_from": "2026-01-01",
}
CASE = {"case_id": "C1", "enterprise_id": "E1", "filed_on": "2026-03-01", "role": "defendant"}


def put(landing: Path, path: str, *rows: dict[str, str | None]) -> None:
    (landing / path).parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)).write_csv(landing / path)


@pytest.fixture
def landing(home: Path) -> Path:
    folder = home / "landing" / "lender"
    put(folder, "enterprises/a.csv", FIRM)
    more = [{**CASE, "case_id": f"C{number}"} for number in (3, 4, 5)]
    put(folder, "legal_cases/a.csv", CASE, {**CASE, "role": "judge", "case_id": "C2"}, CASE, *more)
    return folder


@pytest.mark.usefixtures("prefect_session")
class TestFlow:
    def test_loads_the_portfolios_own_folder_once_and_tells_so(self, landing, caplog):
        caplog.set_level(logging.INFO, logger="nightledger")
        logging.getLogger("nightledger").propagate = True
        summary = ingest()
        assert [file.status for file in summary.files] == ["loaded", "loaded"]
        lines = [record.getMessage() for record in caplog.records if record.name == "nightledger"]
        assert any(
            line.startswith("legal_cases         1 file  4 rows  1 quarantined  1 exact duplicates  ")
            for line in lines
        )
        again = ingest(IngestParameters(landing=landing))
        assert [file.status for file in again.files] == ["already_loaded", "already_loaded"]
        with writer(purpose="test") as con:
            runs = con.execute(
                "select flow, status, counts->>'$.loaded' from wh.ops.run_ledger order by started_at"
            )
            assert runs.fetchall() == [("ingest", "done", "5"), ("ingest", "done", "0")]

    def test_a_refused_file_ends_the_run_after_the_others_are_loaded(self, landing):
        (landing / "enterprises/0.csv").write_text("enterprise_id,valid_from\nE9,2026-01-01\n")
        with pytest.raises(
            Refused, match=r"^1 of 3 files refused, the others are loaded: enterprises/0.csv: missing"
        ):
            ingest()
        with writer(purpose="test") as con:
            assert con.execute("select count(*) from wh.raw.legal_cases").fetchone() == (4,)
            status, message = con.execute("select status, message from wh.ops.run_ledger").fetchone()
        assert status == "refused"
        assert message.startswith("1 of 3 files refused")

    def test_odd_files_are_refused_by_name_and_the_others_are_loaded(self, landing):
        deep = '{"valid_from": ' + "[" * 200_000
        (landing / "enterprises/0.ndjson").write_text(deep)
        os.mkfifo(landing / "enterprises/1.csv")
        (landing / "enterprises" / os.fsdecode(b"\xe4.csv")).touch()
        with pytest.raises(
            Refused, match=r"^3 of 5 files refused, the others are loaded: .*\\xe4.csv: unread"
        ):
            ingest()
        with writer(purpose="test") as con:
            assert con.execute("select count(*) from wh.raw.legal_cases").fetchone() == (4,)
            refused = con.execute("select path from wh.ops.file_ledger where status = 'refused' order by 1")
            names = ["0.ndjson", "1.csv", "\\xe4.csv"]
            assert refused.fetchall() == [(f"enterprises/{name}",) for name in names]

    def test_an_empty_or_missing_folder_is_refused(self, home, tmp_path):
        with pytest.raises(Refused, match="no landing folder at"):
            ingest(IngestParameters(portfolio="nobody"))
        (tmp_path / "empty").mkdir()
        with pytest.raises(Refused, match="no feed file in"):
            ingest(IngestParameters(landing=tmp_path / "empty"))


def test_the_task_loads_the_files_of_one_feed(landing):
    files = list_landing(landing)[:1]
    with writer(purpose="test"):
        results = load_feed_files.fn(files, "lender", "run")
        assert load_feed_files.fn(files, "lender", "run")[0].status == "already_loaded"
    assert [(one.path, one.loaded) for one in results] == [("enterprises/a.csv", 1)]
    assert IngestSummary(portfolio="lender", files=results).counts() == {
        "files": 1,
        "files_loaded": 1,
        "files_already_loaded": 0,
        "files_refused": 0,
        "files_replaced": 0,
        "delivered": 1,
        "loaded": 1,
        "quarantined": 0,
        "exact_duplicates": 0,
        "superseded": 0,
    }


def test_the_page_fits_a_screen_and_names_refusals_first(landing):
    (landing / "transactions").mkdir()
    for number in range(20):
        (landing / f"transactions/{number:02}.csv").touch()
    files = list_landing(landing)
    with writer(purpose="test"):
        results = load_feed_files.fn(files, "lender", "run")
    page = _page(IngestSummary(portfolio="lender", files=results))
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(page.splitlines()) < 35
    assert rows[1].startswith(
        "| transactions/00.csv | refused | 0 | 0 | 0 | 0 | 0 | empty&#58; the file has 0 bytes |"
    )
    assert "7 more files are in `ops.file_ledger`" in page
    assert "**May I rerun?** Yes." in page


@pytest.mark.parametrize(
    "name",
    [
        "![x](evil.png)",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "a|b`c`\n\n# d\x1b[2J",
    ],
)
def test_the_page_shows_names_of_files_letter_by_letter(landing, name):
    (landing / "transactions").mkdir()
    (landing / "transactions" / f"{name}.csv").touch()
    (landing / "transactions" / "plain.csv").touch()
    files = list_landing(landing)
    with writer(purpose="test"):
        results = load_feed_files.fn(files, "lender", "run")
    html = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(_page(IngestSummary(portfolio="lender", files=results)))
    )
    rows = re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    assert len(rows) == 1 + len(files)
    assert not set(re.findall(r"<(\w+)", "".join(rows))) - {"tr", "th", "td"}
    for file in results:
        assert escape(printable(file.path), quote=False).replace('"', "&quot;") in html


@pytest.mark.parametrize("wrong", [{"portfolio": "A b"}, {"portfolio": ""}, {"folder": "x"}])
def test_parameters_are_checked(wrong):
    with pytest.raises(ValidationError):
        IngestParameters(**wrong)


def test_the_line_of_a_feed_counts_what_was_superseded(home, caplog):
    folder = home / "landing" / "lender"
    put(folder, "enterprises/a.csv", FIRM)
    for name, month in (("a", "04"), ("b", "05")):
        known = {"known_at": f"2026-{month}-01"}
        put(folder, f"legal_cases/{name}.csv", *({**CASE, **known, "case_id": f"C{n}"} for n in range(12)))
    caplog.set_level(logging.INFO, logger="nightledger")
    logging.getLogger("nightledger").propagate = True
    with writer(purpose="test"):
        enterprises, *cases = list_landing(folder)
        load_feed_files.fn((enterprises,), "lender", "run")
        results = load_feed_files.fn(tuple(cases), "lender", "run")
    assert "legal_cases         2 files  24 rows  12 superseded  " in caplog.messages[-1]
    summary = IngestSummary(portfolio="lender", files=results)
    assert summary.counts()["superseded"] == 12
    assert "12 rows that stood before were superseded." in _page(summary)
