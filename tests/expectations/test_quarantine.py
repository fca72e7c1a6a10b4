"""Bad rows go to quarantine without one being lost; what stops leaves everything where it is."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import small_portfolio as small
from small_portfolio import NIGHT, PORTFOLIO

from expectations import gate
from expectations.suite import suites_of
from tasks import validate
from warehouse import gates
from warehouse.errors import Refused
from warehouse.intake.gate_quarantine import quarantine_rows
from warehouse.night import Night

IDENTITY = (
    "select count(*) from wh.ops.file_ledger where delivered <> loaded + quarantined + exact_duplicates"
)
LOADED = """select count(*) from wh.ops.file_ledger as l where l.loaded <> (
                select count(*) from wh.raw.{feed} as r where r.file_hash = l.file_hash)
              and l.feed = '{feed}'"""


@pytest.fixture(autouse=True)
def three_feeds(request, monkeypatch):
    """Three suites instead of nine, since each costs time, but where a test is about the whole gate."""
    if "whole_gate" in request.fixturenames:
        return
    few = tuple(
        one for one in suites_of("feeds") if one.name in ("enterprises", "transactions", "legal_cases")
    )
    monkeypatch.setattr(gate, "suites_of", lambda *_: few)
    monkeypatch.setattr(validate, "suites_of", lambda _: few)


@pytest.fixture
def whole_gate():
    """Ask for all nine suites."""


def one(con, query):
    return con.execute(query).fetchone()[0]


def judge(run_id="night"):
    validate.validate_feeds.fn(Night(PORTFOLIO, NIGHT, run_id))


def verdicts(con, run_id="night"):
    return {(v.suite, v.rule): v for v in gates.results(con, run_id)}


def test_good_delivery_passes_and_is_not_judged_twice(fresh):
    judge("first")
    assert {v.outcome for v in gates.results(fresh, "first")} == {"passed"}
    judge("second")
    assert {v.outcome for v in gates.results(fresh, "second")} == {"not_applicable"}


def test_bad_rows_move_and_the_accounts_still_hold(fresh):
    before = one(fresh, "select count(*) from wh.raw.transactions")
    fresh.execute("update wh.raw.transactions set amount = 0 where file_row in (1, 2, 3)")
    fresh.execute("update wh.raw.transactions set kind = 'gift' where file_row in (3, 4)")
    judge()
    assert one(fresh, "select count(*) from wh.raw.transactions") == before - 4
    found = fresh.execute(
        "select rule, file_row, path, portfolio, run_id from wh.ops.quarantine order by file_row"
    ).fetchall()
    path = "transactions/r1.csv"
    assert found == [
        ("amount_is_not_zero", 1, path, PORTFOLIO, "night"),
        ("amount_is_not_zero", 2, path, PORTFOLIO, "night"),
        ("kind_is_known", 3, path, PORTFOLIO, "night"),
        ("kind_is_known", 4, path, PORTFOLIO, "night"),
    ]
    assert one(fresh, IDENTITY) == 0
    assert one(fresh, LOADED.format(feed="transactions")) == 0
    seen = verdicts(fresh)
    assert seen["transactions", "amount_is_not_zero"].unexpected_count == 3
    assert seen["transactions", "kind_is_known"].severity == "quarantine"
    assert seen["transactions", "due_date_is_near"].evaluated_count == before - 4


@pytest.mark.parametrize("enterprise", ["E1", "E5"], ids=["in every feed", "in large feeds only"])
def test_rows_of_an_enterprise_that_went_follow_it(fresh, whole_gate, enterprise):
    gone = f"where enterprise_id = '{enterprise}'"
    fresh.execute(f"update wh.raw.enterprises set employees = -1 {gone}")
    judge()
    assert [
        one(fresh, f"select count(*) from wh.raw.{feed} {gone}") for feed in small.RAW if feed != "scenarios"
    ] == [0] * 8
    assert one(fresh, IDENTITY) == 0
    assert one(fresh, "select count(*) from wh.ops.quarantine where rule = 'unknown_enterprise'") > 60


def test_only_override_of_an_enterprise_that_went_waits_for_it(fresh, whole_gate):
    fresh.execute("delete from wh.raw.overrides where enterprise_id <> 'E1'")
    fresh.execute("update wh.ops.file_ledger set delivered = 1, loaded = 1 where feed = 'overrides'")
    fresh.execute("update wh.raw.enterprises set employees = -1 where enterprise_id = 'E1'")
    judge()
    seen = verdicts(fresh)
    assert seen["overrides", "unknown_enterprise"].outcome == "failed", "it is told"
    assert seen["overrides", "quarantine_is_small"].outcome == "passed"
    assert one(fresh, "select quarantined from wh.ops.file_ledger where feed = 'overrides'") == 1


@pytest.mark.parametrize(("rows", "bad", "stops"), [(4, 1, False), (4, 2, True), (1, 1, True)])
def test_one_slip_in_a_tiny_file_is_set_aside(fresh, rows, bad, stops):
    fresh.execute("delete from wh.raw.transactions where file_row > $rows", {"rows": rows})
    fresh.execute(
        "update wh.ops.file_ledger set delivered = $rows, loaded = $rows where feed = 'transactions'",
        {"rows": rows},
    )
    fresh.execute("update wh.raw.transactions set kind = 'gift' where file_row <= $bad", {"bad": bad})
    if stops:
        with pytest.raises(Refused, match="kind_is_known"):
            judge()
    else:
        judge()
        assert one(fresh, "select count(*) from wh.raw.transactions") == rows - bad
        assert one(fresh, "select count(*) from wh.ops.quarantine where rule = 'kind_is_known'") == bad
        assert verdicts(fresh)["transactions", "kind_is_known"].outcome == "failed", "it is told"


def test_quarantine_masks_personal_columns(fresh):
    fresh.execute("update wh.raw.enterprises set employees = -1 where enterprise_id = 'E5'")
    judge()
    text = one(fresh, "select raw_text from wh.ops.quarantine where feed = 'enterprises'")
    row = json.loads(text)
    assert (row["enterprise_id"], row["employees"]) == ("E5", -1)
    assert {row[name] for name in ("legal_name", "tax_number", "phone", "address")} == {"***"}
    everything = str(fresh.execute("select * from wh.ops.quarantine").fetchall())
    everything += str(fresh.execute("select * from wh.ops.validation_results").fetchall())
    assert not any(word in everything for word in ("Secret", "TAX5", "+49"))


def test_version_before_a_bad_one_holds_again(fresh):
    first, second, third = (f"timestamp '2026-06-{day} 00:00:00'" for day in (10, 15, 20))
    fresh.execute("delete from wh.raw.legal_cases where case_id = 'K1'")
    versions = [(first, second, "plaintiff"), (second, third, "judge"), (third, "null", "plaintiff")]
    for row, (known, until, role) in enumerate(versions, start=10):
        fresh.execute(
            f"""insert into wh.raw.legal_cases by name
                select 'K1' as case_id, 'E1' as enterprise_id, date '2026-05-01' as filed_on,
                       '{role}' as role,
                       {known} as known_at, {until} as known_to, 'p' as portfolio, 'r1' as run_id,
                       'legal_cases-r1' as file_hash, {row} as file_row"""
        )
    # one more good case: one bad row of five is a fifth and no more
    fresh.execute(
        """insert into wh.raw.legal_cases by name
           select * replace ('K3' as case_id, 3 as file_row) from wh.raw.legal_cases where case_id = 'K2'"""
    )
    fresh.execute("update wh.ops.file_ledger set delivered = 5, loaded = 5 where feed = 'legal_cases'")
    judge()
    left = fresh.execute(
        "select known_at::varchar, known_to::varchar from wh.raw.legal_cases where case_id = 'K1' order by 1"
    ).fetchall()
    assert left == [("2026-06-10 00:00:00", "2026-06-20 00:00:00"), ("2026-06-20 00:00:00", None)]


def test_stop_says_one_line_and_leaves_rows_in_place(fresh, whole_gate):
    fresh.execute("insert into wh.raw.legal_cases select * from wh.raw.legal_cases where case_id = 'K1'")
    with pytest.raises(Refused) as refusal:
        judge()
    told = str(refusal.value)
    assert "\n" not in told
    assert "raw.legal_cases" in told
    assert "one_row_a_version" in told
    assert "run again" in told
    assert one(fresh, "select count(*) from wh.raw.legal_cases") == 3
    assert {feed for feed, _ in verdicts(fresh)} == set(small.RAW), "all suites of the gate have run"


def test_stopped_rows_are_judged_again_until_they_are_mended(fresh):
    fresh.execute("insert into wh.raw.legal_cases select * from wh.raw.legal_cases where case_id = 'K1'")
    for run_id in ("first", "second"):
        with pytest.raises(Refused):
            judge(run_id)
    fresh.execute("delete from wh.raw.legal_cases where case_id = 'K1'")
    judge("third")
    assert verdicts(fresh, "third")["legal_cases", "one_row_a_version"].outcome == "passed"
    assert verdicts(fresh, "third")["transactions", "kind_is_known"].outcome == "not_applicable"


def test_file_that_loses_more_than_a_fifth_by_several_rules_stops_after_the_moves(fresh):
    fresh.execute("update wh.raw.transactions set amount = 0 where file_row <= 50")
    fresh.execute("update wh.raw.transactions set kind = 'gift' where file_row between 51 and 100")
    with pytest.raises(
        Refused, match=r"rule quarantine_is_small, 1 finding, such as path transactions/r1.csv"
    ):
        judge()
    assert one(fresh, "select count(*) from wh.ops.quarantine") == 99, "one of them is void, it may be zero"
    assert one(fresh, IDENTITY) == 0
    with pytest.raises(Refused, match="quarantine_is_small"):
        judge("the next night")


def test_small_bad_file_in_a_large_load_stops(fresh):
    fresh.execute(
        "update wh.raw.transactions set amount = 0, file_hash = 'transactions-small' where file_row <= 5"
    )
    fresh.execute("update wh.ops.file_ledger set delivered = 295, loaded = 295 where feed = 'transactions'")
    fresh.execute(
        """insert into wh.ops.file_ledger by name
           select * replace ('transactions/small.csv' as path, 'transactions-small' as file_hash,
                             5 as delivered, 5 as loaded)
           from wh.ops.file_ledger where feed = 'transactions'"""
    )
    with pytest.raises(
        Refused, match=r"quarantine_is_small, 1 finding, such as path transactions/small\.csv"
    ):
        judge()


def test_file_of_which_no_row_is_left_stops(fresh):
    fresh.execute("delete from wh.raw.legal_cases")
    fresh.execute("update wh.ops.file_ledger set loaded = 0, quarantined = 2 where feed = 'legal_cases'")
    with pytest.raises(Refused, match=r"raw\.legal_cases, rule quarantine_is_small, 1 finding"):
        judge()
    seen = verdicts(fresh)
    assert seen["legal_cases", "role_is_known"].outcome == "not_applicable"
    assert seen["legal_cases", "restatements_are_few"].outcome == "passed"
    assert gates.pending_loads(fresh, portfolio=PORTFOLIO, feed="legal_cases") == ["r1"]


def test_delivery_that_is_mostly_bad_stops_and_stays(fresh):
    fresh.execute("update wh.raw.transactions set amount = 0 where file_row <= 100")
    before = one(fresh, "select count(*) from wh.raw.transactions")
    with pytest.raises(Refused, match="amount_is_not_zero"):
        judge()
    assert one(fresh, "select count(*) from wh.raw.transactions") == before
    assert one(fresh, "select count(*) from wh.ops.quarantine") == 0
    assert verdicts(fresh)["transactions", "amount_is_not_zero"].severity == "stop"


def test_accounts_that_do_not_add_up_move_nothing(fresh):
    fresh.execute("update wh.ops.file_ledger set loaded = loaded - 1 where feed = 'legal_cases'")
    with pytest.raises(Refused, match="does not add up"):
        quarantine_rows(
            fresh,
            Night(PORTFOLIO, NIGHT, "night"),
            feed="legal_cases",
            loads=["r1"],
            rule="r",
            predicate="role = 'plaintiff'",
            detail="because",
        )
    assert one(fresh, "select count(*) from wh.raw.legal_cases") == 2
    assert one(fresh, "select count(*) from wh.ops.quarantine") == 0


def test_other_portfolios_and_other_loads_are_left_alone(fresh):
    small.deliver(fresh, portfolio="other", run_id="r2")
    fresh.execute("update wh.raw.transactions set amount = 0 where file_row = 1")
    judge()
    moved = fresh.execute("select portfolio, count(*) from wh.ops.quarantine group by all").fetchall()
    assert moved == [(PORTFOLIO, 1)]


def test_judging_again_replaces_what_the_run_said(fresh):
    judge()
    count = one(fresh, "select count(*) from wh.ops.validation_results")
    gates.store_results(fresh, [], Night(PORTFOLIO, NIGHT + timedelta(days=1), "night"))
    validate.validate_feeds.fn(Night(PORTFOLIO, NIGHT, "night"), again=True)
    assert one(fresh, "select count(*) from wh.ops.validation_results") == count


def test_pages_open_without_a_network(fresh, home):
    fresh.execute("update wh.raw.transactions set counterparty_id = '<script>x</script>' where file_row < 9")
    fresh.execute("update wh.raw.transactions set kind = '<b>gift</b>' where file_row in (1, 2)")
    judge()
    index, page = home / "data_docs/index.html", home / "data_docs/night/index.html"
    for text in (index.read_text(), page.read_text()):
        lowered = text.lower()
        assert "http" not in lowered.replace("http-equiv", "")
        assert not any(word in lowered for word in ("<script", "src=", "@import", "url(", "<link"))
        assert 'name="viewport"' in text
    assert 'href="night/index.html"' in index.read_text()
    shown = page.read_text()
    assert "kind_is_known" in shown
    assert "&lt;a&gt;aaaa&lt;/a&gt;" in shown
    assert "A kind that no feature counts" in shown
