"""For every rule of every suite a query that shows the good rows with the one thing that the rule forbids."""

from __future__ import annotations

from datetime import date
from typing import Any

from warehouse.intake.feeds import FEEDS

Case = tuple[str, dict[str, Any]]


def spoil(where: str, **values: str) -> Case:
    """The rows, with other values where the condition holds."""
    changed = ", ".join(
        f"case when {where} then {value} else {name} end as {name}" for name, value in values.items()
    )
    return f"select * replace ({changed}) from {{rows}}", {}


def feed(**values: str) -> Case:
    return spoil("file_row = 1", **values)


def borrower(**values: str) -> Case:
    return spoil("enterprise_id = 'E1'", **values)


def everybody(**values: str) -> Case:
    return spoil("true", **values)


TWICE: Case = ("select * from {rows} union all select * from {rows} where enterprise_id = 'E1'", {})
WITHOUT_ONE: Case = ("select * from {rows} where enterprise_id <> 'E1'", {})


def again_times_100(**values: str) -> Case:
    """The delivery once more as a load of its own, in cents."""
    select, _ = everybody(run_id="'cents'", **values)
    return select, {"loads": ["cents"]}


def in_cents(*columns: str) -> Case:
    return again_times_100(**{name: f"100 * {name}" for name in columns})


SPOILT_LOAD: Case = ("select * replace ('spoilt' as run_id) from {rows}", {"loads": ["spoilt"]})
CENTS_IN_PAYLOAD = again_times_100(
    payload="""replace(payload::varchar, '"amount":10.5', '"amount":1050')::json"""
)


def of_every_feed(name: str) -> dict[str, Case]:
    declared = FEEDS[name]
    required = next(column.name for column in declared.columns if column.required)
    time = declared.business_time
    ancient = (
        "date '1800-01-01'" if declared.column(time).type == "date" else "timestamp '1800-01-01 00:00:00'"
    )
    cases = {
        "required_values_are_there": feed(**{required: "null"}),
        "one_row_a_version": ("select * from {rows} union all select * from {rows} where file_row = 1", {}),
        "known_after_it_happened": feed(known_at="timestamp '1999-01-01 00:00:00'"),
        "date_is_plausible": feed(**{time: ancient}),
        "unknown_enterprise": feed(enterprise_id="'nobody'"),
        "quarantine_is_small": SPOILT_LOAD,
        "restatements_are_few": SPOILT_LOAD,
        "known_before_it_was_loaded": feed(known_at="loaded_at + interval 25 hours"),
        "delivery_is_fresh": ("select * from {rows}", {"as_of_date": date(2030, 1, 1)}),
    }
    if name in ("enterprises", "scenarios"):
        del cases["unknown_enterprise"]
    if name in ("enterprises", "legal_cases", "credit_opinions", "overrides", "scenarios"):
        del cases["delivery_is_fresh"]
    if name == "scenarios":  # a set that is decided again restates all its rows
        del cases["restatements_are_few"]
    return cases


OF_ONE_FEED: dict[str, dict[str, Case]] = {
    "enterprises": {
        "employees_are_plausible": feed(employees="-3"),
        "registered_capital_is_not_negative": feed(registered_capital="-1"),
        "founded_before_described": feed(founded_on="date '2027-01-01'"),
        "natural_person_is_told": feed(natural_person="null"),
        "amounts_hold_their_unit": in_cents("registered_capital"),
        "borrowers_hold_their_unit": in_cents("registered_capital"),
    },
    "loan_ledger": {
        "annual_rate_is_a_share": feed(annual_rate="5.5"),
        "borrowing_is_not_negative": feed(borrowing="-1"),
        "total_assets_are_not_negative": feed(total_assets="-1"),
        "days_past_due_are_plausible": feed(days_past_due="-1"),
        "opened_before_the_ledger": feed(opened_on="date '2027-01-01'"),
        "operating_income_is_not_negative": feed(operating_income="-1"),
        "amounts_hold_their_unit": in_cents("borrowing", "total_assets", "operating_income"),
        "loans_hold_their_unit": in_cents("total_assets"),
    },
    "transactions": {
        "kind_is_known": feed(kind="'gift'"),
        "amount_is_not_zero": feed(amount="0"),
        "sign_matches_kind": feed(amount="-100"),
        "due_date_is_near": feed(due_at="timestamp '2126-01-01 00:00:00'"),
        "paid_before_it_was_known": feed(paid_at="timestamp '2027-01-01 00:00:00'"),
        "amount_is_plausible": feed(amount="20000000000"),
        "amounts_hold_their_unit": in_cents("amount"),
        "borrowers_hold_their_unit": in_cents("amount"),
        "counterparty_is_told": spoil("file_row % 2 = 0", counterparty_id="null"),
    },
    "operational_events": {
        "event_type_is_known": feed(event_type="'dance'"),
        "amounts_hold_their_unit": CENTS_IN_PAYLOAD,
        "borrowers_hold_their_unit": CENTS_IN_PAYLOAD,
        "payload_is_complete": spoil("event_type = 'stock_count'", payload="'{\"units_on_hand\": -1}'::json"),
        "promise_is_near": spoil(
            "event_type = 'supplier_payment'",
            payload='\'{"supplier_id":"S","amount":1,"due_at":"2126-01-01T00:00:00"}\'::json',
        ),
    },
    "legal_cases": {"role_is_known": feed(role="'judge'")},
    "credit_opinions": {
        "rating_is_on_the_scale": feed(rating="'AAAA'"),
        "evaluation_is_on_the_scale": feed(evaluation="'nice'"),
        "leak_is_declared": feed(leaks_outcome="null"),
        "opinion_says_something": feed(rating="null", evaluation="null"),
    },
    "overrides": {
        "old_grade_is_on_the_scale": feed(old_grade="'Z9'"),
        "new_grade_is_on_the_scale": feed(new_grade="'Z9'"),
        "ends_after_it_began": feed(valid_until="date '2026-06-19'"),
        "override_changes_the_grade": feed(new_grade="old_grade"),
    },
    "scenarios": {
        "set_is_whole": feed(weight="0.5"),
        "factor_is_plausible": feed(systematic_factor="-6"),
    },
    "outcomes": {
        "days_past_due_are_plausible": feed(days_past_due="20000"),
        "outcome_says_something": feed(days_past_due="null", charge_off="null", insolvency="null"),
        "loan_is_known": feed(loan_id="'L99'"),
    },
}

OF_EVERY_FEATURE_TABLE_OF_BORROWERS: dict[str, Case] = {
    "one_row_an_enterprise": TWICE,
    "every_enterprise_has_a_row": WITHOUT_ONE,
}

OF_ONE_FEATURE_TABLE: dict[str, dict[str, Case]] = {
    "feat_profile": {
        "nothing_is_negative": borrower(employees="-1"),
        "numbers_are_finite": borrower(registered_capital="'inf'::double"),
        "industry_is_told": everybody(industry_primary="null"),
        "age_is_plausible": borrower(business_age_years="-1"),
    },
    "feat_ledger": {
        "nothing_is_negative": borrower(loan_count="-1"),
        "numbers_are_finite": borrower(debt_to_income="'nan'::double"),
        "annual_rate_is_a_share": borrower(annual_rate_mean="5.5"),
        "ratio_is_its_parts": borrower(debt_to_income="0.0001"),
        "activity_holds": everybody(loan_count="0"),
    },
    "feat_transactions": {
        "nothing_is_negative": borrower(tx_gap_std_365d="-1"),
        "shares_lie_within_0_and_1": borrower(tx_void_share_90d="1.5"),
        "numbers_are_finite": borrower(tx_sales_ratio_90d="'inf'::double"),
        "longer_windows_hold_more": borrower(tx_count_90d="tx_count_180d + 1"),
        "activity_holds": everybody(tx_count_90d="0"),
    },
    "feat_counterparties": {
        "nothing_is_negative": borrower(customer_count_90d="-1"),
        "shares_lie_within_0_and_1": borrower(supplier_hhi_365d="1.01"),
        "numbers_are_finite": borrower(supplier_churn_90d="'nan'::double"),
        "longer_windows_hold_more": borrower(customer_count_365d="customer_count_all + 1"),
    },
    "feat_operations": {
        "nothing_is_negative": borrower(login_count_90d="-1"),
        "shares_lie_within_0_and_1": borrower(payment_hhi_365d="-0.01"),
        "numbers_are_finite": borrower(turnover_mean_365d="'inf'::double"),
        "longer_windows_hold_more": borrower(login_count_30d="login_count_90d + 1"),
        "activity_holds": everybody(event_count_90d="0"),
    },
    "feat_delivered": {
        "one_row_a_night": ("select * from {rows} union all select * from {rows}", {}),
        "each_is_yes_or_no": everybody(stock_count_events="null"),
        "what_had_come_stays": everybody(transactions="false"),
    },
    "feat_legal": {
        "nothing_is_negative": borrower(defendant_cases_all="-1"),
        "longer_windows_hold_more": borrower(plaintiff_cases_30d="plaintiff_cases_90d + 1"),
    },
    "feat_opinions": {
        "nothing_is_negative": borrower(opinion_days_since_last="-1"),
        "rating_grade_is_on_the_scale": borrower(credit_rating_grade="9"),
        "evaluation_grade_is_on_the_scale": borrower(evaluation_grade="0"),
        "grades_follow_words": borrower(credit_rating="null"),
    },
    "feat_coverage": {
        "coverage_is_set": borrower(coverage="null"),
        "coverage_is_a_known_class": borrower(coverage="'rich'"),
        "rule_is_stored": borrower(coverage_rule="null"),
        "most_can_be_scored": everybody(coverage="'unscoreable'"),
    },
    "feat_enterprise": {
        "wide_row_shows_its_parts": borrower(tx_count_365d="1000"),
        "coverage_is_set": borrower(coverage="null"),
        "coverage_is_a_known_class": borrower(coverage="'rich'"),
        "something_was_delivered": everybody(
            **dict.fromkeys(("tx_count_365d", "event_count_365d", "loan_count"), "null")
        ),
    },
    "feat_label": {
        "one_label_an_enterprise": TWICE,
        "label_is_zero_or_one": borrower(label="2"),
        "missing_label_has_a_reason": borrower(label="null", reason="null"),
        "default_rate_is_plausible": everybody(label="1"),
    },
}

OF_SCORES: dict[str, Case] = {
    "key_is_unique": TWICE,
    "one_champion_an_enterprise": borrower(model_role="'shadow'"),
    "every_enterprise_is_there": WITHOUT_ONE,
    "scored_by_this_run": borrower(run_id="'an earlier one'"),
    "pd_is_a_probability": borrower(pd="1.0"),
    "scored_means_scored": borrower(pd="null"),
    "unscoreable_has_no_score": borrower(score_status="'unscoreable'"),
    "status_is_known": borrower(score_status="'guessed'"),
    "role_is_known": borrower(model_role="'hero'"),
    "coverage_is_a_known_class": borrower(coverage="'rich'"),
    "grade_is_on_the_scale": borrower(grade="'Z9'"),
    "columns_are_filled": borrower(score_status="null"),
    "model_is_named": borrower(model_version="null"),
    "higher_pd_never_scores_better": borrower(score_points="1"),
    "mean_pd_is_plausible": spoil("pd is not null", pd="0.9"),
    "mean_pd_holds": spoil("pd is not null", pd="0.4"),
    "pd_differs_between_borrowers": spoil("pd is not null", pd="0.1"),
    "most_are_scored": everybody(score_status="'unscoreable'"),
}


def _cases() -> dict[tuple[str, str], Case]:
    found: dict[tuple[str, str], Case] = {}
    for name in FEEDS:
        cases = of_every_feed(name) | OF_ONE_FEED[name]
        found |= {(name, rule): case for rule, case in cases.items()}
    for name, own in OF_ONE_FEATURE_TABLE.items():
        cases = own if name == "feat_delivered" else OF_EVERY_FEATURE_TABLE_OF_BORROWERS | own
        if name == "feat_label":
            del cases["one_row_an_enterprise"]
        found |= {(name, rule): case for rule, case in cases.items()}
    found |= {("incoming_scores", rule): case for rule, case in OF_SCORES.items()}
    return found


CASES = _cases()
