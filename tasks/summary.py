"""What the night produced, on one screen: a table of grades, a plot of them, and the run's own numbers."""

import base64
import logging
from datetime import date

import polars as pl
from prefect import task
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from models import plots
from warehouse import sql
from warehouse.connection import writer

log = logging.getLogger("nightledger")

BY_GRADE = """
select
    coalesce(grade, 'no grade') as grade, cast(sum(enterprises) as bigint) as enterprises,
    sum(exposure) as exposure, sum(expected_defaults) as expected_defaults,
    sum(expected_defaults) / nullif(sum(enterprises) filter (mean_pd is not null), 0) as mean_pd
from wh.marts.mart_portfolio_summary
where portfolio = $portfolio and as_of_date = $as_of_date
group by all
order by mean_pd nulls last
"""

THE_RUN = """
select r.status, r.started_at, r.finished_at, r.message,
    (select count(*) from wh.ops.file_ledger as f where f.run_id = r.run_id) as files,
    (select cast(sum(f.loaded) as bigint) from wh.ops.file_ledger as f where f.run_id = r.run_id) as loaded,
    (select count(*) from wh.ops.quarantine as q where q.run_id = r.run_id) as quarantined,
    (select count(*) from wh.ops.file_ledger as f where f.run_id = r.run_id and f.status = 'refused') as refused,
    (select count(*) from wh.ops.validation_results as v where v.run_id = r.run_id and v.outcome = 'failed') as warnings
from wh.ops.run_ledger as r
where r.run_id = $run_id
"""


@task(name="show summary", cache_policy=NO_CACHE)
def show_summary(portfolio: str, as_of_date: date, run_id: str) -> None:
    """Put the night's table, plot and counts where the Prefect UI shows them, and its grades on the terminal."""
    with writer(purpose="summary") as con:
        grades = sql.frame(con, BY_GRADE, {"portfolio": portfolio, "as_of_date": as_of_date})
        run = sql.frame(con, THE_RUN, {"run_id": run_id}).row(0, named=True)
    rows = grades.with_columns(pl.col("exposure").cast(pl.Float64)).to_dicts()
    create_table_artifact(
        key="portfolio-by-grade",
        table=rows,
        description=f"{portfolio} as of {as_of_date}: enterprises and PD by grade",
    )
    picture = base64.b64encode(
        plots.png(plots.grades(grades, title=f"{portfolio} as of {as_of_date}"))
    ).decode()
    create_image_artifact(
        key="grades",
        image_url=f"data:image/png;base64,{picture}",
        description=f"Enterprises by grade, {as_of_date}",
    )
    scored = grades.filter(pl.col("mean_pd").is_not_null())
    enterprises, expected = int(scored["enterprises"].sum()), float(scored["expected_defaults"].sum())
    mean = f"mean PD {expected / enterprises:.2%}" if enterprises else "nobody could be scored"
    create_markdown_artifact(
        key="night",
        description=f"{portfolio} as of {as_of_date}",
        markdown=(
            f"# {portfolio}, {as_of_date}\n\n"
            f"**{enterprises:,}** scored enterprises, **{expected:,.1f}** expected defaults "
            f"({mean}).\n\n"
            f"| files | rows loaded | quarantined | files refused | warnings |\n|--:|--:|--:|--:|--:|\n"
            f"| {run['files']} | {run['loaded'] or 0:,} | {run['quarantined']:,} | {run['refused']} "
            f"| {run['warnings']} |\n\n"
            f"Run `{run_id}`. May I rerun? Yes: the same rows are written once.\n"
        ),
    )
    log.info("portfolio   %s scored, %.1f expected defaults, %s", f"{enterprises:,}", expected, mean)
    for row in rows:
        pd = "" if row["mean_pd"] is None else f"mean PD {row['mean_pd']:.2%}"
        log.info("            %-8s %7s  %s", row["grade"], f"{row['enterprises']:,}", pd)
