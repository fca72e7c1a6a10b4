"""Rows as the warehouse gives them to card, report and borrowers' pages, made up so that each case can be had."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from models.telling.borrower_page import BorrowerRows
from models.telling.card import CardRows
from models.telling.morning import MorningRows
from models.telling.validation_report import NightRows

DAY = date(2026, 6, 30)
MONITORED = {
    "heading": pl.String, "measure": pl.String, "subject": pl.String, "value": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "threshold": pl.Float64, "critical": pl.Float64, "sample": pl.Int64,
    "severity": pl.String, "note": pl.String,
}  # fmt: skip


def watched() -> pl.DataFrame:
    rows = [
        ("stability", "psi_training", "score", 0.31, None, None, 0.25, 0.02, 1500, "alarm", None),
        ("stability", "csi_training", "tx_count_30d", 0.01, None, None, 0.25, 0.02, 1500, "ok", None),
        ("performance", "gini", "2025-06", 0.61, 0.55, 0.67, None, None, 900, "ok", None),
        ("calibration", "binomial", "grade D1", None, None, None, None, None, 0, "unknown", "the grade is empty"),
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=MONITORED, orient="row").with_columns(is_beside=False)


def card_rows(**changed: object) -> CardRows:
    rng = np.random.default_rng(0)
    pd = rng.beta(1, 6, 400)
    model = {
        "model_family": "voting_ensemble", "model_version": "2026-06-30-abcd1234", "portfolio": "lender <1>",
        "role": "champion", "purpose": "forecast", "label_definition": "dpd90", "horizon_days": 365,
        "knowledge_date": DAY, "registered_at": datetime(2026, 7, 1, 3), "base_rate": 0.15,
        "metrics": {"rows": 1234, "protocol": "out_of_time", "calibrated_on": "900 later rows",
                    "reason_check": {"rows": 500, "raised": 480, "passed": 420,
                                     "share": {"mean": 0.875, "low": 0.84, "high": 0.9}},
                    "left_out": {"constant": ["a", "b"], "it looks back as far as the record": ["tx_count_all"]}},
        "artefact_sha256": "a" * 64, "data_fingerprint": "f" * 64, "schema_hash": "s" * 64, "run_id": "run-1",
        "feature_names": ["tx_count_30d"], "feature_groups": ["volume"], "settings": {"folds": 5},
    }  # fmt: skip
    made = {
        "model": model,
        "roles": pl.DataFrame({"role": ["champion"], "effective_from": [DAY], "reason": ["first"], "approver": ["AB"]}),
        "unseen": pl.DataFrame(
            {"coverage": ["thick"] * 400, "label": (rng.random(400) < pd).astype(int), "pd_raw": pd, "pd": pd}
        ),
        "by_coverage": pl.DataFrame(
            {"coverage": ["thick"], "rows": [400], "defaults": [60], "observed_rate": [0.15], "low": [0.12],
             "high": [0.19], "mean_pd": [0.148]}
        ),
        "night": {"as_of_date": DAY, "enterprises": 762, "headlines": 700, "in_default": 41, "mean_pd": 0.1412},
        "drawn": pl.DataFrame(
            {"enterprise_id": ["E1", "E2"], "feature": ["tx_count_30d"] * 2, "contribution": [0.1, -0.2],
             "value": [1.0, 2.0]}
        ),
        "bins": pl.DataFrame(
            {"lower": [None, 0.1], "upper": [0.1, None], "reference": [0.5, 0.5], "tonight": [0.8, 0.2]}
        ),
        "monitoring": watched(),
        "fairness": pl.DataFrame(
            {"attribute": ["legal_form"], "group_name": ["sole trader"], "basis": ["tonight"],
             "measure": ["selection_rate"], "value": [0.71],
             "low": [0.65], "high": [0.77], "sample": [321], "note": [None]}
        ),
        "findings": pl.DataFrame(),
        "reviews": pl.DataFrame(),
        **changed,
    }  # fmt: skip
    return CardRows(**made)  # type: ignore[arg-type]


def feeds(*told: tuple[str, str, str | None, date | None]) -> pl.DataFrame:
    """Rows of ops.feed_deliveries: name, status, why its file was refused, last delivery."""
    return pl.DataFrame(
        [
            {"feed": name, "status": status, "files": 3, "files_loaded": 2, "files_refused": int(reason is not None),
             "refused_path": f"{name}/a.csv" if reason else None, "refused_reason": reason, "loaded": 1234,
             "quarantined": 5, "last_delivery": last}
            for name, status, reason, last in told
        ],
        schema_overrides={"refused_path": pl.String, "refused_reason": pl.String, "last_delivery": pl.Date},
    )  # fmt: skip


def judged(rule: str = "on_watch_list", **changed: object) -> dict[str, object]:
    """A row of marts.mart_early_warning_judged: a list of 40 with 10 of the 25 that defaulted among 500."""
    return {
        "night": date(2025, 12, 31), "rule": rule, "horizon_days": 180, "borrowers": 620, "in_default": 110,
        "outcome_unknown": 10, "judged": 500, "defaults": 25, "base_rate": 0.05, "listed_unknown": 1, "listed": 40,
        "list_share": 0.08, "hits": 10, "worst_pd_hits": 12, "added": 0, "added_hits": 0, "next_pd_hits": 0,
        "precision": 0.25, "precision_low": 0.142, "precision_high": 0.402, "lift": 5.0,
        "recall": 0.4, "recall_low": 0.234, "recall_high": 0.593, "lead_days_q1": 61.0, "lead_days_median": 94.0,
        "lead_days_q3": 140.0, "note": None, **changed,
    }  # fmt: skip


LISTED = {"enterprise_id": pl.String, "why": pl.String, "score_status": pl.String, "grade": pl.String, "pd": pl.Float64,
          "exposure": pl.Float64, "is_new": pl.Boolean}  # fmt: skip
MOVERS = {"enterprise_id": pl.String, "direction": pl.String, "pd": pl.Float64, "pd_before": pl.Float64,
          "grade": pl.String, "grade_before": pl.String}  # fmt: skip
ALLOWANCE = {"stage": pl.String, "loans": pl.Int64, "unmeasured": pl.Int64, "exposure": pl.Float64,
             "allowance": pl.Float64, "loans_before": pl.Int64, "allowance_before": pl.Float64}  # fmt: skip
ENDING = {"enterprise_id": pl.String, "new_grade": pl.String, "valid_until": pl.Date}
BEFORE = date(2026, 6, 29)


def lines(nights: int = 2, **changed: object) -> pl.DataFrame:
    """The last nights of a portfolio, the last one DAY; each owes 1,000 more than the one before."""
    rows = [
        {"as_of_date": DAY - timedelta(days=back), "enterprises": 2000, "scored": 1900, "performing": 1859,
         "mean_pd": 0.12 - 0.0005 * back, "exposure": 2_500_000.0 - 1000 * back, "exposure_known": 891,
         "expected_loss": 310_000.0 - 250 * back, **changed}
        for back in reversed(range(nights))
    ]  # fmt: skip
    numbers = {
        "mean_pd": pl.Float64,
        "exposure": pl.Float64,
        "exposure_known": pl.Int64,
        "expected_loss": pl.Float64,
    }
    return pl.DataFrame(rows, schema_overrides=numbers)


def morning_rows(**changed: object) -> MorningRows:
    """A night on which E1 is new on the watch list and <E3>, whose number is written to do harm, got better."""
    made = {
        "before": BEFORE,
        "loss_given_default": 0.45,
        "lines": lines(),
        "listed": pl.DataFrame(
            [("E1", "high_pd, new_defendant", "fresh", "D1", 0.31, 1200.0, True),
             ("E2", "data_trouble", "stale", "D1", None, None, False)],
            schema=LISTED, orient="row",
        ),
        "list_counts": {"listed": 2, "new": 1, "before_is_known": True},
        "movers": pl.DataFrame(
            [("E1", "worse", 0.31, 0.2, "D1", "A1"), ("<E3>", "better", 0.02, 0.04, "A1", "A1")],
            schema=MOVERS, orient="row",
        ),
        "allowance": pl.DataFrame(
            [("1", 1100, 3, 2_000_000.0, 21_000.0, 1102, 20_500.0), ("3", 90, 0, 180_000.0, 81_000.0, 91, 82_000.0)],
            schema=ALLOWANCE, orient="row",
        ),
        "allowance_moved": pl.DataFrame({"part": ["written_off", "pd", "model"], "change": [-1000.0, 500.0, 0.0]}),
        "new_models": [],
        "new_givers": [],
        "refused": pl.DataFrame(schema={"feed": pl.String, "path": pl.String, "reason": pl.String}),
        "ending": pl.DataFrame(schema=ENDING),
        **changed,
    }  # fmt: skip
    return MorningRows(**made)  # type: ignore[arg-type]


def borrower_rows(*ids: str, nights: int = 20, **changed: object) -> BorrowerRows:
    """What is known of some borrowers: a PD that rises night by night, two reasons, two changes, one override each."""
    history = [
        {"enterprise_id": name, "as_of_date": DAY - timedelta(days=back), "score_status": "fresh", "coverage": "thick",
         "grade": "D1", "pd": 0.31 - 0.002 * back, "pd_lower": 0.25 - 0.002 * back, "pd_upper": 0.4 - 0.002 * back,
         "in_default": False, "model_family": "voting_ensemble", "model_version": "v1",
         "scored_as_of": DAY - timedelta(days=back)}
        for name in ids for back in reversed(range(nights))
    ]  # fmt: skip
    made: dict[str, object] = {
        "as_of_date": DAY,
        "before": BEFORE,
        "history": pl.DataFrame(history),
        "reasons": pl.DataFrame(
            [(name, *reason) for name in ids for reason in (("Cases <open>", 0.04), ("Logins", 0.01))],
            schema=["enterprise_id", "name", "strength"], orient="row",
        ),
        "moved": pl.DataFrame(
            [(name, part, feature, change) for name in ids
             for part, feature, change in (("data", "Logins", 0.08), ("data", "other", -0.02), ("model", None, 0.01))],
            schema=["enterprise_id", "part", "name", "change"], orient="row",
        ),
        "data": pl.DataFrame(
            [{"enterprise_id": name, "industry": "trade", "region": "north", "exposure": 1200.0, "loan_ledger": 12,
              "transactions": 0, "operational_events": 1, "legal_cases": None, "credit_opinions": 87} for name in ids]
        ),
        "overrides": pl.DataFrame(
            [(name, BEFORE, "D2", "C1", date(2026, 9, 30)) for name in ids],
            schema=["enterprise_id", "decided_on", "old_grade", "new_grade", "valid_until"], orient="row",
        ),
        "curve": pl.DataFrame(
            [(name, month, 0.01 - month / 10000, 0.31 * month / 60, 0.25 * month / 60, 0.4 * month / 60, "learnt")
             for name in ids for month in range(1, 61)],
            schema=["enterprise_id", "month", "marginal_pd", "cumulative_pd", "cumulative_lower", "cumulative_upper",
                    "shape"], orient="row",
        ),
        **changed,
    }  # fmt: skip
    return BorrowerRows(**made)  # type: ignore[arg-type]


def night_rows(**changed: object) -> NightRows:
    made = {
        "run": {"portfolio": "lender", "as_of_date": DAY, "run_id": "run-2", "status": "done", "revision": "abc"},
        "statuses": pl.DataFrame({"score_status": ["fresh", "stale"], "enterprises": [1900, 100]}),
        "families": pl.DataFrame(
            {"coverage": ["thick", "unscoreable"], "model_family": ["voting_ensemble", None],
             "model_version": ["v1", None], "enterprises": [1900, 100], "in_default": [41, 0], "mean_pd": [0.12, None]}
        ),
        "leaders": [],
        "grades": pl.DataFrame({"grade": ["A1", "D1", None], "enterprises": [1000, 900, 100]}),
        "scale": ["A1", "D1", "default"],
        "moves": pl.DataFrame({"grade_before": ["A1"], "grade": ["D1"], "enterprises": [7]}),
        "month": pl.DataFrame(
            {"as_of_date_from": [date(2026, 5, 31)], "grade_before": ["D1"], "grade": ["A1"], "enterprises": [9]}
        ),
        "gates": pl.DataFrame({"suite": ["feed"], "checks": [12], "failed": [1], "errored": [0]}),
        "feeds": feeds(("enterprises", "delivered", None, DAY), ("overrides", "never delivered", None, None)),
        "monitoring": watched(),
        "alerts": pl.DataFrame({"severity": ["alarm"], "heading": ["stability"], "measure": ["psi_training"],
                                "model_family": ["wide_deep"], "subject": ["score"], "message": ["PSI of score 0.31"],
                                "is_beside": [False]}),
        "judged": pl.DataFrame([judged(), judged("activity_gap", added=7, added_hits=3, next_pd_hits=2)]),
        "past": pl.DataFrame(
            {"as_of_date": [date(2026, 6, 29), DAY], "measure": ["psi"] * 2, "subject": ["score"] * 2,
             "value": [0.1, 0.3]}
        ),
        "morning": morning_rows(),
        "borrowers": borrower_rows("E1", "E2", "<E3>"),
        **changed,
    }  # fmt: skip
    return NightRows(**made)  # type: ignore[arg-type]


def first_night() -> NightRows:
    """The first night of a portfolio: none before it, nothing moved, one point of every line."""
    morning = morning_rows(
        before=None, lines=lines(1), list_counts={"listed": 2, "new": 2, "before_is_known": False},
        movers=pl.DataFrame(schema=MOVERS),
    )  # fmt: skip
    rows = night_rows()
    borrowers = borrower_rows("E1", "E2", "<E3>", nights=1)
    return replace(
        rows, morning=morning, moves=rows.moves.head(0), month=rows.month.head(0), past=rows.past.tail(1),
        alerts=rows.alerts.head(0), judged=rows.judged.head(0),
        borrowers=replace(borrowers, before=None, moved=borrowers.moved.head(0)),
    )  # fmt: skip


def disturbed_night() -> NightRows:
    """A night with a file refused, a feed missing, checks that failed, alarms, an override that ends, long names."""
    long = "enterprise_with_a_number_that_a_lender_made_of_very_many_letters_" * 2
    morning = morning_rows(
        lines=lines(60),
        list_counts={"listed": 17, "new": 5, "before_is_known": True},
        new_models=["wide_deep"],
        refused=pl.DataFrame(
            [("transactions", "transactions/a-branch-with-a-long-name/<2026-06-30>.csv", "columns: amount is missing")],
            schema=["feed", "path", "reason"], orient="row",
        ),
        ending=pl.DataFrame(
            [("E1", "C1", date(2026, 7, 9)), (long, "C2", date(2026, 7, 10))], schema=ENDING, orient="row"
        ),
    )  # fmt: skip
    alarms = [
        ("alarm", "stability", "amount_change", None, "transactions", "headline, transactions: amount_change 5e+05"),
        ("watch", "stability", "csi_training", "voting_ensemble", "features",
         "csi_training of 21 features at watch: transactions_against_the_90_days_before_relative_spread_365d 0.5"),
        ("watch", "stability", "feed_age", None, "operational_events", "feed, operational_events: feed_age 6"),
        ("watch", "governance", "finding", "wide_deep", "1", "champion wide_deep v1, finding overdue since 2026-06-01"),
    ]  # fmt: skip
    names = ["severity", "heading", "measure", "model_family", "subject", "message"]
    return replace(
        night_rows(), morning=morning, borrowers=borrower_rows("E1", "E2", "<E3>", long, nights=60),
        alerts=pl.DataFrame(alarms, schema=names, orient="row").with_columns(is_beside=False),
        feeds=feeds(("transactions", "refused", "columns: amount is missing", DAY),
                    ("operational_events", "missing", None, date(2026, 6, 24))),
        gates=night_rows().gates.with_columns(failed=2, errored=1),
        moves=pl.DataFrame({"grade_before": ["A1", "A1", "D1", "default"], "grade": ["A1", "D1", "default", "A1"],
                            "enterprises": [900, 7, 3, 1]}),
    )  # fmt: skip
