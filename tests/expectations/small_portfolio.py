"""Six enterprises with all nine feeds, their features by the house's own SQL, and scores that wait."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from warehouse import partition, sql, views
from warehouse.intake.feeds import FEEDS

PORTFOLIO = "p"
NIGHT = date(2026, 6, 30)
NIGHT_BEFORE = date(2026, 6, 29)

RAW = {
    "enterprises": """
        select 'E' || i as enterprise_id, date '2026-06-01' - (i * 30)::integer as valid_from,
               'llc' as legal_form, i = 2 as natural_person, 'trade' as industry_primary, 'north' as region,
               date '2015-01-01' as founded_on, 10 + i as employees, 1000 * i as registered_capital,
               'f' as representative_gender, 'Secret Name ' || i as legal_name, 'TAX' || i as tax_number,
               '+49 30 ' || i as phone, 'Secret Street ' || i as address
        from range(1, 7) as t (i)""",
    "loan_ledger": """
        select 'L' || i as loan_id, 'E' || i as enterprise_id, date '2026-06-15' as ledger_date,
               date '2025-01-01' as opened_on, 1000 * i as borrowing, 0.05 as annual_rate, true as mortgage,
               false as acceptance_bill, 'trade' as invest_category, true as autonomous_payment,
               true as business_purpose, 9000 as total_assets, 5000 as operating_income, 0 as days_past_due
        from range(1, 5) as t (i)""",
    "transactions": """
        select 'T' || i || '-' || n as transaction_id, 'E' || i as enterprise_id,
               timestamp '2026-06-28 10:00:00' - to_days(6 * n::integer) as occurred_at,
               ([100, -40, -30, -10])[n % 4 + 1] * (1 + n % 5) as amount,
               'C' || (n % 3) as counterparty_id,
               (['sale', 'purchase', 'supplier_payment', 'refund'])[n % 4 + 1] as kind,
               timestamp '2026-07-10 00:00:00' - to_days(6 * n::integer) as due_at,
               timestamp '2026-06-28 10:00:00' - to_days(6 * n::integer) as paid_at, n = 8 as voided
        from range(1, 6) as t (i), range(0, 60) as s (n)""",
    "operational_events": """
        select 'V' || i || '-' || n as event_id, 'E' || i as enterprise_id,
               timestamp '2026-06-29 09:00:00' - to_days(5 * n::integer) as occurred_at,
               (['login', 'export', 'purchase_order', 'goods_received', 'stock_count',
                 'supplier_payment'])[n % 6 + 1] as event_type,
               (['{}', '{}',
                 '{"order_id":"O1","supplier_id":"S1","amount":10.5,"promised_at":"2026-06-01T00:00:00"}',
                 '{"order_id":"O1","supplier_id":"S1","quantity":3}', '{"units_on_hand":10,"units_sold":4}',
                 '{"order_id":"O1","supplier_id":"S1","amount":10.5,"due_at":"2026-06-20T00:00:00"}'
                ])[n % 6 + 1]::json as payload
        from range(1, 6) as t (i), range(0, 30) as s (n)""",
    "legal_cases": """
        select 'K' || i as case_id, 'E' || i as enterprise_id, date '2026-05-01' as filed_on,
               (['plaintiff', 'defendant'])[i] as role
        from range(1, 3) as t (i)""",
    "credit_opinions": """
        select 'E' || i as enterprise_id, date '2026-06-01' as opinion_date, 'A' as rating,
               'good' as evaluation, false as leaks_outcome
        from range(1, 4) as t (i)""",
    "outcomes": """
        select 'E' || i as enterprise_id, 'L' || i as loan_id, date '2026-06-15' as outcome_date,
               0 as days_past_due, false as charge_off, false as insolvency
        from range(1, 5) as t (i)""",
    "overrides": """
        select 'E' || i as enterprise_id, timestamp '2026-06-20 10:00:00' as decided_at, 'C1' as old_grade,
               'C2' as new_grade, 'am-' || i as decided_by, 'a large order fell away' as reason,
               date '2026-12-31' as valid_until
        from range(1, 3) as t (i)""",
    "scenarios": """
        select date '2026-06-01' as decided_on, (['base', 'severe'])[i] as scenario,
               (date '2026-07-01' + to_months(n::integer))::date as month, -i + 1.0 as systematic_factor,
               ([0.75, 0.25])[i] as weight
        from range(1, 3) as t (i), range(0, 12) as s (n)""",
}

SCORES = """
    select '{portfolio}' as portfolio, date '{night}' as as_of_date, 'E' || i as enterprise_id,
           'operational_risk' as model_family, 'v1' as model_version, 'champion' as model_role,
           case when i = 6 then 'unscoreable' else 'thick' end as coverage,
           case when i = 6 then 'unscoreable' else 'fresh' end as score_status,
           case when i < 6 then 0.03 * i end as pd_raw, case when i < 6 then 0.03 * i end as pd,
           case when i < 6 then 600 - 10 * i end as score_points,
           case when i < 6 then (['C1', 'C2', 'D1', 'D1', 'D1'])[i] end as grade,
           'night' as run_id, now()::timestamp as scored_at
    from range(1, 7) as t (i)"""


def deliver(con: duckdb.DuckDBPyConnection, *, portfolio: str = PORTFOLIO, run_id: str = "r1") -> None:
    """Put the nine feeds into raw as if one run had loaded one file of each."""
    for name, rows in RAW.items():
        time = FEEDS[name].business_time
        con.execute(
            f"""insert into wh.raw.{name} by name
                select *, coalesce({time}, null)::timestamp as known_at, '{portfolio}' as portfolio,
                       '{name}-{run_id}' as file_hash, row_number() over () as file_row, '{run_id}' as run_id,
                       timestamp '2026-06-30 20:00:00' as loaded_at
                from ({rows})"""
        )
        record(con, name, portfolio=portfolio, run_id=run_id)


def record(
    con: duckdb.DuckDBPyConnection,
    feed: str,
    *,
    portfolio: str,
    run_id: str,
    quarantined: int = 0,
    superseded: int = 0,
) -> None:
    """Write the ledger row of the file that a run loaded."""
    con.execute(
        f"""insert into wh.ops.file_ledger by name
            select '{portfolio}' as portfolio, '{feed}' as feed, '{feed}/{run_id}.csv' as path,
                   '{feed}-{run_id}' as file_hash, 'loaded' as status, count(*) + {quarantined} as delivered,
                   count(*) as loaded, {quarantined} as quarantined, 0 as exact_duplicates,
                   {superseded} as superseded, '{run_id}' as run_id, now()::timestamp as recorded_at
            from wh.raw.{feed} where portfolio = '{portfolio}' and run_id = '{run_id}'"""
    )


def build_features(con: duckdb.DuckDBPyConnection, night: date, *, portfolio: str = PORTFOLIO) -> None:
    """Build every feature table of one night by its own SQL file."""
    files = {file.relation: file for file in sql.catalogue("features")}
    waiting = dict(files)
    while waiting:
        ready = [name for name, file in waiting.items() if not set(file.inputs) & set(waiting)]
        for name in ready:
            del waiting[name]
            if not files[name].parameters:
                views.renew_view(con, name)
                continue
            partition.replace_partition(
                con,
                name,
                {
                    "portfolio": portfolio,
                    "as_of_date": night,
                    "known_by": night,
                    "definition": "any",
                    "horizon_days": 365,
                },
            )


def repeat_features(con: duckdb.DuckDBPyConnection, names: tuple[str, ...]) -> None:
    """Let the night before have had the same features."""
    for name in names:
        con.execute(
            f"""insert into wh.features.{name} by name
                select * replace (date '{NIGHT_BEFORE}' as as_of_date) from wh.features.{name}"""
        )


def score(con: duckdb.DuckDBPyConnection, *, portfolio: str = PORTFOLIO) -> None:
    """Let the night's scores wait, beside those of the night before."""
    for relation, night in (("incoming_scores", NIGHT), ("portfolio_scores", NIGHT_BEFORE)):
        con.execute(
            f"insert into wh.scores.{relation} by name {SCORES.format(portfolio=portfolio, night=night)}"
        )


def given(**other: Any) -> dict[str, Any]:
    """What a suite's SQL is told about the night."""
    told = {"portfolio": PORTFOLIO, "as_of_date": NIGHT, "run_id": "night", "loads": ["r1"]}
    return told | other
