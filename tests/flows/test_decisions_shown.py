"""What a person decides on a model shows in the published copy at once, and nothing else of the copy changes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.finding import FindingParameters, finding
from flows.lead import LeadParameters, lead
from flows.promote import PromoteParameters, promote
from flows.review import ReviewParameters, review
from flows.stress import StressParameters, stress
from flows.watch import WatchParameters, watch
from tasks import night
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.publishing.publish import publish
from warehouse.publishing.published import ask

sys.path.append(str(Path(__file__).parents[1] / "tasks"))
from watched import TONIGHT, Watched

pytestmark = pytest.mark.server

MODEL = {"portfolio": "p", "family": "operational_risk", "version": "v2"}
BEFORE = TONIGHT - timedelta(days=1)


@pytest.fixture
def book(home: Path, prefect_session: None) -> Iterator[Watched]:
    """A champion, a challenger, a night that is published and one that is scored only."""
    with writer(purpose="test") as con:
        made = Watched(con)
        made.register()
        made.register(version="v2", role="challenger")
        made.night(BEFORE)
        publish(con, "first")
        made.score(made.night(TONIGHT), version="v2", role="challenger")
        yield made


def last_night() -> date:
    """Return the last night whose scores are published."""
    return ask("select max(as_of_date) as day from scores.portfolio_scores")["day"].item()


def test_a_promotion_shows_at_once_and_no_score_with_it(book):
    run_id = promote(
        run=PromoteParameters(**MODEL, effective_from=TONIGHT, reason="ranks better", approver="committee")
    )
    shown = ask(
        f"select model_version, role, reason from ops.model_roles where run_id = '{run_id}' order by all"
    )
    assert shown.rows() == [
        ("v1", "challenger", "its place went to v2: ranks better"),
        ("v2", "champion", "ranks better"),
    ]
    assert ask(f"select status from ops.run_ledger where run_id = '{run_id}'").rows() == [("done",)]
    assert last_night() == BEFORE


def test_a_promotion_stands_if_the_copy_cannot_show_it_and_the_line_says_what_to_do(
    book, monkeypatch, caplog
):
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(night, "publish_runs", full)
    run_id = promote(
        run=PromoteParameters(**MODEL, effective_from=TONIGHT, reason="ranks better", approver="committee")
    )
    assert f"does not tell that run {run_id} is done: OSError: no space left" in caplog.text
    assert "what it wrote stands, and python -m flows publish shows it" in caplog.text
    assert book.frame("from wh.ops.model_roles where run_id = $run_id", run_id=run_id).height == 2
    assert ask(f"from ops.model_roles where run_id = '{run_id}'").is_empty()


def test_who_leads_shows_at_once_and_a_second_time_is_refused(book, caplog):
    caplog.set_level("INFO", logger="nightledger")
    book.register(bins=False, version="card", model_family="scorecard")
    given = {
        "portfolio": "p",
        "family": "scorecard",
        "reason": "an examiner reads it",
        "approver": "committee",
    }
    run_id = lead(run=LeadParameters(**given, classes=("thick", "transaction"), effective_from=TONIGHT))
    shown = ask(
        "select coverage, model_family, effective_from, approver, run_id from ops.class_leaders order by 1"
    )
    assert shown.rows() == [
        (coverage, "scorecard", TONIGHT, "committee", run_id) for coverage in ("thick", "transaction")
    ]
    assert "scorecard leads the thick files of p from 2026-06-30 on, before voting_ensemble" in caplog.text
    assert last_night() == BEFORE
    with pytest.raises(Refused, match=r"^scorecard leads the transaction files of p on 2026-06-30 already$"):
        lead(run=LeadParameters(**given, classes=("transaction",), effective_from=TONIGHT))
    lead(run=LeadParameters(**given, classes=("thick",), effective_from=BEFORE))
    until = "scorecard leads the thick files of p from 2026-06-29 on, before voting_ensemble, until 2026-06-30, from"
    assert until in caplog.text
    # a family leads what it is meant for
    with pytest.raises(Refused, match=r"^operational_risk leads the thin files of p on 2026-06-30 already$"):
        lead(
            run=LeadParameters(
                **{**given, "family": "operational_risk"}, classes=("thin",), effective_from=TONIGHT
            )
        )
    with pytest.raises(Refused, match=r"^wide_deep has no champion of p on 2026-06-30; train one "):
        lead(
            run=LeadParameters(**{**given, "family": "wide_deep"}, classes=("thick",), effective_from=TONIGHT)
        )
    assert ask("select count(*) as n from ops.class_leaders")["n"].item() == 3


def test_a_class_that_the_family_does_not_cover_is_one_line():
    given = {"portfolio": "p", "reason": "r", "approver": "a", "effective_from": TONIGHT}
    with pytest.raises(
        ValidationError, match="--classes thin: scorecard scores thick and transaction files only"
    ):
        LeadParameters(**given, family="scorecard", classes=("thick", "thin"))
    with pytest.raises(ValidationError, match="--classes names a class twice"):
        LeadParameters(**given, family="scorecard", classes=("thick", "thick"))


def test_a_finding_is_open_until_it_is_closed_and_an_alert_when_overdue(book):
    finding(
        run=FindingParameters(
            **MODEL, what="gini <fell>", owner="model team", due=date(2026, 6, 28), on=date(2026, 6, 1)
        )
    )
    review(
        run=ReviewParameters(**MODEL, reviewer="validation", result="fit", next=BEFORE, on=date(2026, 1, 31))
    )
    assert ask("select finding, owner, closed_on from ops.model_findings").rows() == [(1, "model team", None)]
    assert ask("select reviewer, next_on from ops.model_reviews").rows() == [("validation", BEFORE)]
    watch(run=WatchParameters(portfolio="p", as_of=TONIGHT))
    alerts = (
        "select measure, model_role, model_version, subject, severity, nights, event, message from wh.ops.alerts "
        "where heading = 'governance' order by measure"
    )
    assert [row[:7] for row in book.frame(alerts).rows()] == [
        ("finding", "challenger", "v2", "1", "watch", 2, "emitted"),
        ("review", "challenger", "v2", "next review", "watch", 1, "emitted"),
    ]
    late, due = book.frame(alerts)["message"]
    assert late.startswith("challenger operational_risk v2, finding overdue since 2026-06-28, 2 days: ")
    assert late.endswith(": model team was to settle it: gini <fell>")
    assert due.startswith("challenger operational_risk v2, review overdue since 2026-06-29, 1 day: ")
    assert due.endswith(": the last one was on 2026-01-31 by validation")
    finding(run=FindingParameters(portfolio="p", close=1, by="validation", how="trained again", on=TONIGHT))
    assert ask("select owner, due_on, closed_on, closed_by, closed_how from ops.model_findings").rows() == [
        ("model team", date(2026, 6, 28), TONIGHT, "validation", "trained again")
    ]
    watch(run=WatchParameters(portfolio="p", as_of=TONIGHT))
    assert book.frame(alerts)["measure"].to_list() == ["review"]
    assert last_night() == BEFORE


def test_what_is_no_finding_is_one_line(book):
    given = {**MODEL, "what": "gini fell", "owner": "model team", "due": TONIGHT}
    with pytest.raises(ValidationError, match="to open a finding, give --owner, --due"):
        FindingParameters(**{**given, "owner": " ", "due": None})
    with pytest.raises(ValidationError, match="to close a finding, give --how"):
        FindingParameters(portfolio="p", close=1, by="validation")
    with pytest.raises(ValidationError, match="to close a finding, leave --what out"):
        FindingParameters(portfolio="p", close=1, by="validation", how="mended", what="gini fell")
    with pytest.raises(Refused, match="--on 2999-01-01 has not come yet: today is "):
        finding(run=FindingParameters(**given, on=date(2999, 1, 1)))
    with pytest.raises(
        Refused, match="p has no operational_risk v9; registered versions, the newest first: "
    ):
        finding(run=FindingParameters(**{**given, "version": "v9"}, on=TONIGHT))
    assert ask("select status from ops.run_ledger where flow = 'finding'").rows() == [("refused",)]
    assert ask("from ops.model_findings").is_empty()


def test_a_stress_shows_at_once_with_its_page(book, home, caplog):
    caplog.set_level("INFO", logger="nightledger")
    book.con.execute("alter table wh.features.feat_profile add column industry_primary varchar")
    book.con.execute(
        "create table wh.features.feat_ledger as select portfolio, as_of_date, enterprise_id, "
        "cast(1000 as decimal(18, 2)) as total_borrowing from wh.features.feat_coverage"
    )
    run_id = stress(run=StressParameters(portfolio="p", as_of=BEFORE, factor=-2))
    told = ask(
        "select kind, sum(borrowers) as n, sum(loss_year) as loss from marts.mart_stress group by all order by 1"
    )
    assert told.select("kind", "n").rows() == [("as scored", 300), ("severe year", 300)]
    assert told["loss"][0] < told["loss"][1]
    assert ask("select run_id, as_of_date, factor, correlation from ops.stress_runs").rows() == [
        (run_id, BEFORE, -2.0, 0.15)
    ]
    page = home / "reports" / "p" / f"stress-{BEFORE}.html"
    assert "What if the times turn?" in page.read_text(encoding="utf-8")
    assert "no scenarios are delivered: as scored and the severe year only" in caplog.text
    assert last_night() == BEFORE
    with pytest.raises(Refused, match="p has no scores of 2026-06-01 to stress; run its night first"):
        stress(run=StressParameters(portfolio="p", as_of=date(2026, 6, 1)))
    assert ask("select status from ops.run_ledger where flow = 'stress' order by run_id").rows() == [
        ("done",), ("refused",)
    ]  # fmt: skip
