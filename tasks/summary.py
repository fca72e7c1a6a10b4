"""Show the result of a night on one screen: a table of grades, a plot of them, and the run's own numbers."""

import base64
import logging
from collections.abc import Sequence
from typing import Any

import polars as pl
from prefect import task
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from models.telling import contribution_plots, plots
from tasks.feeds import feeds_line, log_feeds
from tasks.lineup import Lineup
from warehouse import contributions, night_summary
from warehouse.connection import writer
from warehouse.feed_deliveries import FeedDelivery
from warehouse.night import Night
from warehouse.safe_text import in_markdown

log = logging.getLogger("nightledger")


@task(name="show summary", cache_policy=NO_CACHE)
def show_summary(night: Night, feeds: Sequence[FeedDelivery]) -> None:
    """Show the night's table, plot and counts in the Prefect UI, and log its grades and what feeds it went without."""
    portfolio, as_of_date, run_id = night
    with writer(purpose="summary") as con:
        grades = night_summary.grades(con, night)
        families = night_summary.families(con, night)
        run = night_summary.run_counts(con, run_id=night.run_id)
    rows = grades.to_dicts()
    create_table_artifact(
        key="portfolio-by-grade",
        table=rows,
        description=f"{portfolio} as of {as_of_date}: enterprises and PD by grade",
    )
    show_picture(
        "grades",
        plots.grades(grades, title=f"{portfolio} as of {as_of_date}"),
        f"Enterprises by grade, {as_of_date}",
    )
    performing = int(grades.filter(pl.col("mean_pd").is_not_null())["enterprises"].sum())
    scored = performing + int(grades.filter(grade="in default")["enterprises"].sum())
    expected = float(grades["expected_defaults"].sum())
    if performing:
        mean = f"mean PD {expected / performing:.2%}"
    else:
        mean = "all of them in default" if scored else "nobody could be scored"
    headlines = "\n".join(
        f"| {coverage} | {family or 'no model'} | {count:,} | {'' if pd is None else f'{pd:.2%}'} |"
        for coverage, family, count, pd in families.iter_rows()
    )
    create_markdown_artifact(
        key="night",
        description=f"{portfolio} as of {as_of_date}",
        markdown=(
            f"# {portfolio}, {as_of_date}\n\n"
            f"**{scored:,}** scored enterprises, **{scored - performing:,}** of them in default already; of the "
            f"others **{expected:,.1f}** expected defaults ({mean}).\n\n"
            f"| coverage | headline PD by | enterprises | mean PD |\n|---|---|--:|--:|\n{headlines}\n\n"
            f"| files | rows loaded | quarantined | files refused | warnings |\n|--:|--:|--:|--:|--:|\n"
            f"| {run['files']} | {run['loaded'] or 0:,} | {run['quarantined']:,} | {run['refused']} "
            f"| {run['warnings']} |\n\n"
            f"Feeds: {in_markdown(feeds_line(feeds)) or 'none refused, none missing'}.\n\n"
            f"Run `{run_id}`. May I rerun? Yes: the same rows are written once.\n"
        ),
    )
    log.info(
        "portfolio   %s scored, %s of them in default; of the others %.1f expected defaults, %s",
        f"{scored:,}", f"{scored - performing:,}", expected, mean,
    )  # fmt: skip
    for row in rows:
        pd = "" if row["mean_pd"] is None else f"mean PD {row['mean_pd']:.2%}"
        log.info("            %-8s %7s  %s", row["grade"], f"{row['enterprises']:,}", pd)
    log_feeds(feeds)


@task(name="show contributions", cache_policy=NO_CACHE)
def show_contributions(night: Night, lineup: Lineup) -> None:
    """Show in the Prefect UI what moves the PDs, as plots of the stored contributions."""
    with writer(purpose="show contributions") as con:
        drawn = {
            family: contributions.drawn(con, night, model_family=family, model_version=champion.model_version)
            for family, champion in lineup.champions.items()
        }
    for family, rows in drawn.items():
        if rows.is_empty():
            continue  # a family that does not explain itself, or no borrower of it
        key, title = family.replace("_", "-"), f"{night.portfolio} as of {night.as_of_date}: {family}"
        about = f"What moves the PD of {rows['enterprise_id'].n_unique():,} borrowers, {night.as_of_date}"
        show_picture(f"contributions-{key}", contribution_plots.contribution_bars(rows, title=title), about)
        show_picture(
            f"beeswarm-{key}", contribution_plots.beeswarm(rows, title=title), f"{about}, one by one"
        )


def show_picture(key: str, chart: Any, description: str) -> None:
    """Show a chart in the Prefect UI."""
    picture = base64.b64encode(plots.png(chart)).decode()
    create_image_artifact(key=key, image_url=f"data:image/png;base64,{picture}", description=description)
