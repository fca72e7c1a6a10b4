"""A night without a feed goes on and says so wherever it is looked for; without a required feed it stops."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from yearly_files import deliver_by_year

from flows.nightly import NightlyParameters, nightly
from tasks.deliver import deliver_feeds
from tests.chromium import LOOK, WIDTHS, browser
from warehouse.publishing.published import ask

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
JUNE = date(2026, 6, 30)
BROKEN, AWAY = "transactions/2026-06.parquet", "operational_events/2026-06.ndjson.gz"
STOPS_WITHOUT = "enterprises,transactions"


@dataclass(frozen=True)
class Ended:
    """One night as everybody sees it after its end."""

    code: int
    out: str
    err: str
    run: FlowRun
    feeds: pl.DataFrame
    ledger: pl.DataFrame
    scores: pl.DataFrame
    report: str


def command(home: Path, landing: Path, **more: str) -> Ended:
    """Run a night of the folder in a process of its own, on the server of the session."""
    from prefect.settings import PREFECT_API_URL

    env = os.environ | {
        "NIGHTLEDGER_HOME": str(home),
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-m", "flows", "nightly", "--source", "folder", "--landing", str(landing),
         "--as-of", str(JUNE)],
        env=env, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    return looked_at(home, code=done.returncode, out=done.stdout, err=done.stderr)


def looked_at(home: Path, *, code: int = 0, out: str = "", err: str = "") -> Ended:
    """Look at the last night: its state in Prefect, the published copy and the report."""
    with get_client(sync_client=True) as client:
        (run,) = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)
    report = home / "reports" / "lender" / f"report-{JUNE}.html"
    ledger = ask("from ops.run_ledger order by started_at")
    return Ended(
        code, out, err, run,
        feeds=ask("from ops.feed_deliveries").filter(run_id=ledger["run_id"][-1]),
        ledger=ledger,
        scores=ask("from scores.portfolio_scores order by all"),
        report=report.read_text(encoding="utf-8"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def nights(prefect_session: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:
    """Three nights of June: one file broken and one away, the same where transactions are required, and mended."""
    folder = tmp_path_factory.mktemp("without")
    home, landing = folder / "home", folder / "landing"
    deliver_by_year(landing, enterprises=150, night=JUNE)
    deliver_feeds.fn(source="simulated", enterprises=150, through=JUNE, landing=landing)
    whole = (landing / BROKEN).read_bytes()
    (landing / BROKEN).write_bytes(whole[: len(whole) // 2])
    (landing / AWAY).rename(folder / "away")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home))
        ended = {"goes on": command(home, landing)}
        ended["stops"] = command(home, landing, NIGHTLEDGER_REQUIRED_FEEDS=STOPS_WITHOUT)
        (landing / BROKEN).write_bytes(whole)
        (folder / "away").rename(landing / AWAY)
        run_id = nightly(run=NightlyParameters(source="folder", landing=landing, as_of=JUNE))
        ended["mended"] = looked_at(home)
        assert run_id == ended["mended"].ledger["run_id"][-1]
        yield ended


def of_feed(night: Ended, feed: str) -> dict[str, object]:
    return night.feeds.row(by_predicate=pl.col("feed") == feed, named=True)


def test_a_night_without_a_feed_goes_on_and_is_done(nights: dict[str, Ended]) -> None:
    night = nights["goes on"]
    assert (night.code, night.err) == (0, "")
    assert night.ledger["status"].to_list() == ["done"]
    assert night.scores.filter(model_role="champion").height == 150


def test_its_closing_line_tells_the_feeds(nights: dict[str, Ended]) -> None:
    last = nights["goes on"].out.splitlines()[-1].split("  ", 1)[1]
    assert last.startswith(f"feeds       refused: transactions (1 of 5 files; {BROKEN}: ")
    assert last.endswith(
        "; missing: operational_events (last delivery 2026-05-31); never delivered: overrides, scenarios"
    )


def test_its_state_in_prefect_is_named_after_the_feeds(nights: dict[str, Ended]) -> None:
    run = nights["goes on"].run
    assert run.state is not None
    assert run.state.type.value == "COMPLETED"
    assert run.state.name == "Completed without transactions, operational_events"
    assert BROKEN in str(run.state.message)


def test_its_report_says_what_failed(nights: dict[str, Ended]) -> None:
    page = nights["goes on"].report
    top, technical = page.split('<details class="technical"')
    assert "1 of 5 files of transactions was refused" in top
    assert f"<li><b>{BROKEN}</b>: " in top
    assert "operational_events is missing, its last delivery is of 2026-05-31" in top
    assert "<tr><td>overrides</td><td>never delivered</td>" in technical


@pytest.mark.parametrize("width", WIDTHS)
def test_its_report_is_whole_and_legible_in_a_browser(
    nights: dict[str, Ended], tmp_path: Path, width: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text(nights["goes on"].report, encoding="utf-8")
    with browser(tmp_path) as chromium:
        chromium.open(file, width=width)
        chromium.value("document.querySelectorAll('details').forEach(part => { part.open = true })")
        assert chromium.value(LOOK)["faults"] == []
        assert chromium.errors() == []
        assert chromium.requests() == [file.as_uri()]


def test_ops_has_a_row_for_every_feed(nights: dict[str, Ended]) -> None:
    night = nights["goes on"]
    assert dict(night.feeds.select("feed", "status").iter_rows()) == {
        "enterprises": "delivered", "loan_ledger": "delivered", "transactions": "refused",
        "operational_events": "missing", "legal_cases": "delivered", "credit_opinions": "delivered",
        "outcomes": "delivered", "overrides": "never delivered", "scenarios": "never delivered",
    }  # fmt: skip
    assert night.feeds["as_of_date"].unique().to_list() == [JUNE]
    refused = of_feed(night, "transactions")
    assert (refused["files"], refused["files_loaded"], refused["files_refused"]) == (5, 4, 1)
    assert refused["refused_path"] == BROKEN
    assert refused["refused_reason"]
    assert refused["last_delivery"] == date(2026, 5, 31)


def test_without_a_required_feed_it_stops_before_it_scores(nights: dict[str, Ended]) -> None:
    before, night = nights["goes on"], nights["stops"]
    assert night.code == 1
    assert night.err.count("\n") == 1
    assert night.err.startswith(
        f"nightly refused: the night stops without a required feed: refused: transactions (1 of 5 files; {BROKEN}: "
    )
    assert f"take it out of NIGHTLEDGER_REQUIRED_FEEDS ({STOPS_WITHOUT})" in night.err
    assert "score" not in night.out
    assert night.run.state is not None
    assert night.run.state.type.value == "FAILED"
    assert night.scores.equals(before.scores)


def test_its_refusal_is_published(nights: dict[str, Ended]) -> None:
    night = nights["stops"]
    assert night.ledger["status"].to_list() == ["done", "refused"]
    assert f"refused: transactions (1 of 5 files; {BROKEN}: " in night.ledger["message"][-1]
    again = of_feed(night, "transactions")
    assert (again["status"], again["files_loaded"], again["files_refused"]) == ("refused", 0, 1)


def test_once_the_files_are_mended_it_is_a_night_like_any_other(nights: dict[str, Ended]) -> None:
    night = nights["mended"]
    assert night.run.state is not None
    assert night.run.state.name == "Completed"
    assert set(night.feeds["status"]) == {"delivered", "nothing new", "never delivered"}
    assert of_feed(night, "transactions")["last_delivery"] == JUNE
    assert "no file was refused, no feed is missing" in night.report
