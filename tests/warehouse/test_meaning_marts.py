"""The marts of the latest night on five borrowers: reasons, movers, vintages, concentration, IFRS 9, and macros."""

from __future__ import annotations

import shutil
from datetime import date, timedelta

import polars as pl
import pytest

from warehouse import contributions, examples, partition, registry, scores
from warehouse.connection import reader, writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing import publish
from warehouse.publishing.published import ask

NIGHT = date(2026, 6, 30)
PD = pl.col("pd")
LENDER = {"portfolio": "lender"}
BASE = 0.02


def at(portfolio, pds: list[float | None], *, version: str = "1") -> pl.DataFrame:
    """Rows of the five borrowers with these PDs, graded by the macros of the warehouse."""
    said = portfolio.con.execute(
        "select wh.marts.grade_of(p), wh.marts.points_of(p) from "
        "(select unnest($pds) as p, generate_subscripts($pds, 1) as n) order by n",
        {"pds": pds},
    ).fetchall()
    return portfolio.rows().with_columns(
        pl.Series("pd", pds, pl.Float64),
        pl.Series("grade", [grade for grade, _ in said]),
        pl.Series("score_points", [points for _, points in said]),
        model_version=pl.lit(version),
    )


def night(portfolio, days_ago: int, pds: list[float | None], *, version: str = "1") -> None:
    as_of_date = NIGHT - timedelta(days=days_ago)
    if days_ago:
        portfolio.features(as_of_date)
    portfolio.score(at(portfolio, pds, version=version), as_of_date)


def rows(portfolio, query: str) -> list[tuple[object, ...]]:
    return portfolio.con.execute(query).fetchall()


# movers


def test_movers_are_ranked_by_points_each_way_and_compared_with_two_nights(portfolio):
    night(portfolio, 33, [0.02, 0.02, 0.02, 0.02, None])
    night(portfolio, 1, [0.01, 0.20, 0.05, 0.05, None])
    night(portfolio, 0, [0.02, 0.21, 0.05, 0.01, None], version="2")
    moved = rows(
        portfolio,
        "select compared_with, direction, rank, enterprise_id, notches, round(pd_change, 9), same_model "
        "from wh.marts.mart_top_movers order by all",
    )
    # from 1% to 2% is a larger move than from 20% to 21%
    assert [row for row in moved if row[0] == "night_before"] == [
        ("night_before", "better", 1, "e3", -2, -0.04, False),
        ("night_before", "worse", 1, "e0", 1, 0.01, False),
        ("night_before", "worse", 2, "e1", 0, 0.01, False),
    ]
    assert [row[1:4] for row in moved if row[0] == "30_days_before"] == [
        ("better", 1, "e3"),
        ("worse", 1, "e1"),
        ("worse", 2, "e2"),
    ]


@pytest.mark.parametrize(("days", "found"), [(29, 0), (30, 4), (37, 4), (38, 0)])
def test_the_night_of_30_days_ago_lies_within_a_week(days, found, portfolio):
    night(portfolio, days, [0.02, 0.02, 0.02, 0.02, None])
    night(portfolio, 0, [0.03, 0.03, 0.03, 0.03, None])
    assert portfolio.one(
        "select count(*) from wh.marts.mart_top_movers where compared_with = '30_days_before'"
    ) == (found,)


# vintages and concentration


def loan(portfolio, enterprise: str, opened: str, *, ledger: str = "2026-05-31", **more: object) -> None:
    values = {
        "portfolio": "lender", "loan_id": f"{enterprise}-{opened}", "enterprise_id": enterprise, "opened_on": opened,
        "ledger_date": ledger, "borrowing": 100, "days_past_due": 0, "known_at": f"{ledger} 12:00", **more,
    }  # fmt: skip
    marks = ", ".join(f"${name}" for name in values)
    portfolio.con.execute(f"insert into wh.raw.loan_ledger ({', '.join(values)}) values ({marks})", values)


def outcome(portfolio, enterprise: str, day: str, *, past_due: int = 0, known: str | None = None) -> None:
    portfolio.con.execute(
        "insert into wh.raw.outcomes (portfolio, enterprise_id, loan_id, outcome_date, days_past_due, known_at) "
        "values ('lender', ?, '', ?, ?, ?)",
        [enterprise, day, past_due, known or f"{day} 12:00"],
    )


def test_vintages_go_by_the_first_loan_and_count_what_is_known_by_the_night(portfolio):
    loan(portfolio, "e0", "2024-02-10")
    loan(portfolio, "e0", "2025-02-10")
    loan(portfolio, "e1", "2024-03-31")
    loan(portfolio, "e2", "2025-01-01")
    loan(portfolio, "e3", "2024-01-01", ledger="2026-07-01")  # known after the night
    outcome(portfolio, "e0", "2026-03-01", past_due=91)
    outcome(portfolio, "e1", "2026-03-01", past_due=90)
    outcome(portfolio, "e2", "2026-06-30", past_due=200, known="2026-07-01 00:00")
    night(portfolio, 0, [0.1, 0.3, 0.2, 0.4, None])
    assert rows(
        portfolio,
        "select quarter, borrowers, scored, exposure, round(mean_pd, 9), outcome_known, defaulted, "
        "observed_default_rate from wh.marts.mart_vintages order by quarter nulls last",
    ) == [
        (date(2024, 1, 1), 2, 2, 200, 0.2, 2, 1, 0.5),
        (date(2025, 1, 1), 1, 1, 100, 0.2, 0, 0, None),
        (None, 2, 1, None, 0.4, 0, 0, None),
    ]


def test_concentration_adds_up_in_each_dimension(portfolio):
    portfolio.con.execute(
        "update wh.features.feat_profile set industry_primary = 'crafts' where enterprise_id in ('e0', 'e3')"
    )
    night(portfolio, 0, [0.1, 0.3, 0.2, 0.4, None])
    said = rows(
        portfolio,
        "select dimension, name, borrowers, scored, exposure, round(share_of_exposure, 9), "
        "round(hhi_borrowers, 9), round(hhi_exposure, 9), round(expected_defaults, 9), round(mean_pd, 9) "
        "from wh.marts.mart_concentration order by all",
    )
    assert said == [
        ("region", "north", 5, 4, 300, 1.0, 1.0, 1.0, 1.0, 0.25),
        ("sector", "crafts", 2, 2, 100, round(1 / 3, 9), 0.52, round(5 / 9, 9), 0.5, 0.25),
        ("sector", "trade", 3, 2, 200, round(2 / 3, 9), 0.52, round(5 / 9, 9), 0.5, 0.25),
    ]


@pytest.mark.parametrize(
    "harm",
    [
        "update wh.marts.mart_vintages set borrowers = borrowers + 1",
        "delete from wh.marts.mart_concentration where dimension = 'region'",
        "update wh.marts.mart_concentration set expected_defaults = 9 where dimension = 'sector'",
        "delete from wh.marts.mart_early_warning where enterprise_id = 'e0'",
        "insert into wh.marts.mart_early_warning from wh.marts.mart_early_warning limit 1",
    ],
)
def test_a_mart_that_lost_or_doubled_a_borrower_is_found(harm, portfolio):
    night(portfolio, 0, [0.1, 0.3, 0.2, 0.4, None])
    partition.audit(portfolio.con, "assert_mart_borrowers_add_up", LENDER)
    portfolio.con.execute(harm)
    with pytest.raises(Refused, match="audit assert_mart_borrowers_add_up: 1 row"):
        partition.audit(portfolio.con, "assert_mart_borrowers_add_up", LENDER)


# IFRS 9


def test_ifrs9_compares_with_the_first_scored_night_after_the_opening(portfolio):
    loan(portfolio, "e0", "2026-06-01", days_past_due=31)
    loan(portfolio, "e1", "2020-01-01", days_past_due=30)
    loan(portfolio, "e1", "2026-06-15", days_past_due=None)
    loan(portfolio, "e2", "2026-07-01", ledger="2026-06-30")
    loan(portfolio, "e3", "2020-01-01", ledger="2025-04-30")  # in no ledger of the last 425 days
    night(portfolio, 40, [0.04, 0.01, 0.02, 0.02, None])
    night(portfolio, 20, [0.05, 0.03, 0.02, 0.02, None])
    night(portfolio, 0, [0.10, 0.02, 0.02, 0.02, None])
    assert rows(
        portfolio,
        "select loan_id, past_due_30, origination_night, origination_gap_days, pd_origination, pd, "
        "round(pd_ratio, 9), notches from wh.marts.mart_ifrs9 order by loan_id",
    ) == [
        ("e0-2026-06-01", True, NIGHT - timedelta(days=20), 9, 0.05, 0.1, 2.0, 1),
        ("e1-2020-01-01", False, NIGHT - timedelta(days=40), 2332, 0.01, 0.02, 2.0, 1),
        ("e1-2026-06-15", None, NIGHT, 15, 0.02, 0.02, 1.0, 0),
        ("e2-2026-07-01", False, None, None, None, 0.02, None, None),
    ]


# reasons


FEATURES = (
    "evaluation",
    "tx_sales_30d",
    "debt_to_income",
    "credit_rating",
    "loan_count",
    "employees",
    "region",
)


def explained(portfolio, *, known: tuple[str, ...] = FEATURES) -> str:
    """e0 has seven reasons, of which the first and the fourth are opinions; e1 has one, the others none."""
    told = pl.concat(
        [
            pl.DataFrame(
                {
                    "enterprise_id": [who] * (len(features) + 1),
                    "feature": [*features, "other"],
                    "contribution": [
                        *(0.02 - 0.002 * place for place in range(len(features))),
                        0.1 - BASE - sum(0.02 - 0.002 * place for place in range(len(features))),
                    ],
                    "rank": list(range(1, len(features) + 2)),
                }
            )
            for who, features in (("e0", known), ("e1", known[1:2]), ("e2", ()), ("e3", ()))
        ]
    ).with_columns(pl.col("rank").cast(pl.Int32), pl.col("feature").cast(pl.String))
    scored = at(portfolio, [0.1, 0.1, 0.1, 0.1, None]).with_columns(
        base_value=pl.when(PD.is_not_null()).then(BASE)
    )
    scored = scored.join(contributions.reasons(told), on="enterprise_id", how="left")
    run_id = portfolio.stage(scored)
    file = portfolio.folder / "told.parquet"
    contributions.as_rows(told, scored.with_columns(run_id=pl.lit(run_id))).write_parquet(file)
    contributions.stage_contributions(portfolio.con, [file], Night("lender", NIGHT, run_id))
    scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id))
    return run_id


def test_a_letter_gets_four_reasons_that_may_be_told_where_so_many_are_stored(portfolio):
    explained(portfolio)
    assert portfolio.one(
        "select reason_1, reason_1_strength, reason_4, round(reason_4_strength, 9) "
        "from wh.scores.portfolio_scores where enterprise_id = 'e0'"
    ) == ("evaluation", 0.02, "credit_rating", 0.014)
    assert rows(
        portfolio,
        "select rank, feature, round(strength, 9), tellable, told_rank, sentence is not null "
        "from wh.marts.mart_reasons where enterprise_id = 'e0' order by rank",
    ) == [
        (1, "evaluation", 0.02, False, None, False),
        (2, "tx_sales_30d", 0.018, True, 1, True),
        (3, "debt_to_income", 0.016, True, 2, True),
        (4, "credit_rating", 0.014, False, None, False),
        (5, "loan_count", 0.012, True, 3, True),
        (6, "employees", 0.010, True, 4, True),
    ]
    assert rows(
        portfolio,
        "select enterprise_id, told_rank, business_name, sentence from wh.marts.mart_reasons "
        "where enterprise_id <> 'e0'",
    ) == [
        ("e1", 1, "Sales, 30 days", "Your sales in the last 30 days raised the estimated risk of default."),
    ]


def test_a_feature_that_the_catalogue_does_not_know_is_not_told(portfolio):
    explained(portfolio, known=("a_new_one", "tx_sales_30d"))
    assert rows(
        portfolio,
        "select feature, tellable, why_not, told_rank from wh.marts.mart_reasons "
        "where enterprise_id = 'e0' order by rank",
    ) == [("a_new_one", False, "not in ops.feature_catalogue", None), ("tx_sales_30d", True, None, 1)]


@pytest.mark.parametrize(
    "harm",
    [
        "delete from wh.marts.mart_reasons where enterprise_id = 'e1'",
        "insert into wh.marts.mart_reasons from wh.marts.mart_reasons where enterprise_id = 'e1'",
        "update wh.marts.mart_reasons set strength = 0.5 where enterprise_id = 'e1'",
    ],
)
def test_a_reason_that_is_missing_doubled_or_of_other_strength_is_found(harm, portfolio):
    explained(portfolio)
    partition.audit(portfolio.con, "assert_mart_reasons_complete", LENDER)
    portfolio.con.execute(harm)
    with pytest.raises(Refused, match="audit assert_mart_reasons_complete: 1 row"):
        partition.audit(portfolio.con, "assert_mart_reasons_complete", LENDER)


# the published copy


def test_expected_loss_takes_its_parameters_or_the_loss_given_default_of_the_allowance(
    portfolio, monkeypatch
):
    night(portfolio, 0, [0.1, 0.3, 0.2, 0.4, None])
    publish.publish(portfolio.con, "run")
    total = "select round(sum(expected_loss), 9), count(expected_loss) from marts.expected_loss({})"
    assert ask(total.format("")).row(0) == (round(0.6 * 0.45 * 100, 9), 3)
    assert ask(total.format("lgd := 0.6, ead_factor := 1.5")).row(0) == (round(0.6 * 0.6 * 150, 9), 3)
    monkeypatch.setenv("NIGHTLEDGER_IMPAIRMENT__LOSS_GIVEN_DEFAULT", "0.3")
    night(portfolio, 0, [0.1, 0.3, 0.2, 0.4, None])
    publish.publish(portfolio.con, "run")
    assert ask(total.format("")).row(0) == (round(0.6 * 0.3 * 100, 9), 3)
    assert ask(total.format("lgd := 0.6")).row(0) == (round(0.6 * 0.6 * 100, 9), 3)


def test_one_borrower_has_its_history_and_the_age_of_its_data(portfolio):
    night(portfolio, 1, [0.1, 0.3, 0.2, 0.4, None])
    night(portfolio, 0, [0.2, 0.3, 0.2, 0.4, None])
    for _ in range(2):  # the second copy is built on the first
        publish.publish(portfolio.con, "run")
    said = "as_of_date, grade, round(pd_change, 9), score_status, loan_ledger_days_old"
    assert ask(f"select {said} from marts.borrower('e0')").rows() == [
        (NIGHT, "D2", 0.1, "fresh", 30),
        (NIGHT - timedelta(days=1), "D1", None, "fresh", None),
    ]
    assert ask("from marts.borrower('nobody')").is_empty()


@pytest.mark.parametrize("one", examples.examples(), ids=lambda one: one.name)
def test_every_example_runs_on_a_published_copy_and_returns_the_columns_that_it_names(one, example_copy):
    assert ask(one.query).columns == list(one.columns)
    assert one.question.endswith("?")


def test_examples_are_answered_and_there_are_enough_of_them(example_copy):
    assert len(examples.examples()) >= 12
    told = ask(examples.example("recompute").query)
    assert told["other_grade"].to_list() == [0]
    assert told["largest_difference"][0] < 1e-9
    assert ask(examples.example("letter").query).is_empty()  # nobody holds one of the two worst grades
    assert ask(examples.example("untold_reasons").query)["feature"].to_list() == [
        "credit_rating",
        "evaluation",
    ]
    with pytest.raises(Refused, match="there is no example 'x'; there are allowance, "):
        examples.example("x")


def test_what_tonights_models_have_against_the_catalogue_is_answered_from_the_registry(portfolio, made):
    turned = [
        {
            "feature": "tx_gap_std_90d",
            "direction": 1,
            "rows": 40,
            "against": 10,
            "largest": 0.03,
            "whole": 0.02,
        },
        {
            "feature": "business_age_years",
            "direction": -1,
            "rows": 20,
            "against": 20,
            "largest": 0.05,
            "whole": -0.04,
        },
    ]
    found = {"tolerance": 0.001, "features": 53, "against": 2, "whole": 1, "furthest": turned}
    for version in ("1", "of no night"):
        registry.register(portfolio.con, made(version, metrics={"auc": 0.8, "direction_check": found}))
    night(portfolio, 0, [0.1, 0.3, 0.2, 0.4, None])
    publish.publish(portfolio.con, "run")
    assert ask(examples.example("features_against_direction").query).rows() == [
        ("lender", "operational_risk", "1", "business_age_years", "Age of the business", "down", 1.0, 0.05, -0.04),
        ("lender", "operational_risk", "1", "tx_gap_std_90d", "Irregularity of transactions, 90 days", "up", 0.25,
         0.03, 0.02),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def example_home(empty_warehouse, small_portfolio, tmp_path_factory):
    """The home of a published copy that answers all examples."""
    home = tmp_path_factory.mktemp("examples")
    shutil.copy(empty_warehouse, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home))
        with writer(purpose="test") as con:
            portfolio = small_portfolio(con=con, folder=home)
            portfolio.features()
            explained(portfolio)
            con.execute("create table wh.features.feat_enterprise as from wh.features.feat_profile")
            publish.publish(con, "run")
    return home


@pytest.fixture
def example_copy(example_home, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_HOME", str(example_home))
    with reader() as published:
        yield published


def test_ifrs9_keeps_the_loans_of_borrowers_that_count_their_loans_themselves(portfolio):
    for borrower in ("e0", "e1"):
        loan(portfolio, borrower, "2026-06-01")
    portfolio.con.execute("update wh.raw.loan_ledger set loan_id = 'L1', ledger_date = ledger_date - "
                          "case enterprise_id when 'e1' then 1 else 0 end")  # fmt: skip
    night(portfolio, 0, [0.10, 0.03, 0.02, 0.02, None])
    assert rows(
        portfolio, "select loan_id, enterprise_id, pd, pd_origination from wh.marts.mart_ifrs9 order by all"
    ) == [("L1", "e0", 0.1, 0.1), ("L1", "e1", 0.03, 0.03)]
