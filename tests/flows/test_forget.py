"""A borrower is forgotten after a night: the night can be replayed to the bit, and later nights go on."""

from __future__ import annotations

import json
import shutil
from datetime import date
from typing import Any

import polars as pl
import pytest
from night_processes import FirstNight
from quick_families import train_quickly

from flows.forget import ForgetParameters, forget
from flows.nightly import NightlyParameters, nightly
from flows.replay import ReplayParameters, replay
from warehouse import run_inputs, sql
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.night import Night
from warehouse.publishing.published import ask

pytestmark = pytest.mark.server

MAY, JUNE = date(2026, 5, 31), date(2026, 6, 30)
PORTFOLIO, BORROWER = "simulated-150-7", "E0000003"
PII = ", ".join(FEEDS["enterprises"].pii)


def rows(query: str, **params: object) -> pl.DataFrame:
    with writer(purpose="test") as con:
        return sql.frame(con, query, params)


def request(**changes: str) -> ForgetParameters:
    asked = {
        "portfolio": PORTFOLIO,
        "enterprise_id": BORROWER,
        "requested_by": "office 7",
        "reason": "request 12",
    }
    return ForgetParameters(**asked | changes)


@pytest.fixture(scope="module")
def after(may_night: FirstNight, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """May, the borrower forgotten, May replayed, forgotten again, and June; what each left."""
    kept: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        home, night = tmp_path_factory.mktemp("forget") / "home", may_night.run_id
        shutil.copytree(may_night.home, home, symlinks=True)
        patch.setenv("NIGHTLEDGER_HOME", str(home))
        train_quickly(patch)
        personal = f"select {PII} from wh.raw.enterprises where portfolio = $p and enterprise_id = $e"
        kept["before"] = rows(personal, p=PORTFOLIO, e=BORROWER)
        with writer(purpose="test") as con:
            kept["inputs before"] = run_inputs.current(con, Night(PORTFOLIO, MAY, night))
        kept["runs"] = [forget(run=request())]
        kept["told at once"] = ask("select enterprise_id from ops.forgotten")
        kept["after"] = rows(personal, p=PORTFOLIO, e=BORROWER)
        with writer(purpose="test") as con:
            kept["inputs after"] = run_inputs.current(con, Night(PORTFOLIO, MAY, night))
        kept["replay"] = rows(
            "select counts from wh.ops.run_ledger where run_id = $r",
            r=replay(run=ReplayParameters(run_id=night)),
        )
        kept["runs"].append(forget(run=request(reason="request 13")))
        with pytest.raises(Refused) as refusal:
            forget(run=request(enterprise_id="nobody"))
        kept["refusal"] = str(refusal.value)
        nightly(run=NightlyParameters(source="simulated", enterprises=150, as_of=JUNE))
        kept["june"] = rows(personal, p=PORTFOLIO, e=BORROWER)
        kept["others"] = rows(
            "select count(legal_name) as n from wh.raw.enterprises where portfolio = $p", p=PORTFOLIO
        )
        kept["scored"] = ask(f"from scores.portfolio_scores where enterprise_id = '{BORROWER}'")
        kept["forgotten"] = ask("from ops.forgotten order by forgotten_at")
        kept["ledger"] = ask("from ops.run_ledger where flow = 'forget' order by started_at")
    return kept


def test_its_fields_are_gone_and_stay_away(after: dict[str, Any]) -> None:
    assert after["before"].null_count().row(0) == (0, 0, 0, 0)
    for name in ("after", "june"):
        assert after[name].height >= after["before"].height
        assert set(after[name].rows()) == {(None,) * 4}
    assert after["others"]["n"].item() >= 149


def test_the_night_before_is_reproduced(after: dict[str, Any]) -> None:
    assert after["inputs after"] == after["inputs before"]
    counts = json.loads(after["replay"]["counts"].item())
    assert counts["identical"] > 300
    assert counts["contributions_identical"] > 3_000
    assert counts["verdict"] == "reproduced to the bit"
    assert set(after["scored"]["as_of_date"]) == {MAY, JUNE}


def test_who_asked_is_recorded_and_a_second_request_is_harmless(after: dict[str, Any]) -> None:
    recorded = (
        after["forgotten"].select("enterprise_id", "requested_by", "reason", "run_id", "rows_changed").rows()
    )
    assert after["told at once"].rows() == [(BORROWER,)]
    assert recorded == [
        (BORROWER, "office 7", "request 12", after["runs"][0], after["before"].height),
        (BORROWER, "office 7", "request 13", after["runs"][1], 0),
    ]
    assert after["ledger"]["status"].to_list() == ["done", "done", "refused"]
    assert not after["ledger"]["parameters"].str.contains("office 7|request 1").any()


def test_an_unknown_borrower_is_refused_in_one_line(after: dict[str, Any]) -> None:
    assert after["refusal"].startswith(f"portfolio {PORTFOLIO} has no enterprise nobody; ")
    assert "\n" not in after["refusal"]
