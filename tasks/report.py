"""Make the night's report, its model cards and pages of borrowers, as files and as Prefect artifacts."""

import logging
from pathlib import Path

import polars as pl
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from models.errors import ModelError
from models.master_scale import IN_DEFAULT, MasterScaleSettings
from models.telling.borrower_page import BorrowerRows, borrower_page
from models.telling.card import CardRows, card
from models.telling.morning import MorningRows
from models.telling.validation_report import NightRows, validation_report
from models.telling.wording import file_name
from tasks.pages import write_page
from tasks.scorecard_page import make_scorecard
from warehouse import borrower_rows, contributions, report_rows
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.safe_text import printable
from warehouse.settings import settings

log = logging.getLogger("nightledger")


@task(name="make card", task_run_name="card of {record.model_family}", cache_policy=NO_CACHE)
def make_card(night: Night, record: ModelRecord, folder: Path, *, sheet: Path | None = None) -> Path | None:
    """Write one model's card and return its path, or None for a model registered before unseen rows were stored.

    It links to the sheet of the model's points, if there is one.
    """
    with writer(purpose="model card") as con:
        rows = report_rows.model_rows(con, record, since=night.as_of_date)
        drawn = pl.DataFrame()
        if rows["night"] is not None:
            drawn = contributions.drawn(
                con,
                night.on(rows["night"]["as_of_date"]),
                model_family=record.model_family,
                model_version=record.model_version,
            )
    if rows["unseen"].is_empty():
        log.warning(
            "report      no card of %s %s: no unseen rows were kept of it; train it again",
            record.model_family, record.model_version,
        )  # fmt: skip
        return None
    try:
        link = None if sheet is None else sheet.name
        page = card(CardRows(model=record.model_dump(mode="python"), drawn=drawn, sheet=link, **rows))
    except ModelError as error:
        raise Refused(f"no card of {record.model_family} {record.model_version}: {error}") from error
    return write_page(folder / f"card-{record.model_family}-{record.model_version}.html", page)


@task(name="make report", cache_policy=NO_CACHE)
def make_report(night: Night, folder: Path) -> Path:
    """Write the report of one night and return its path."""
    with writer(purpose="report") as con:
        rows = report_rows.night_rows(con, night)
    if rows is None:
        raise Refused(
            f"{night.portfolio} has no scores of {night.as_of_date} to report on; run its night first"
        )
    told = {"morning": MorningRows(**rows.pop("morning")), "borrowers": BorrowerRows(**rows.pop("borrowers"))}
    try:
        page = validation_report(NightRows(scale=(*MasterScaleSettings().grades, IN_DEFAULT), **told, **rows))
    except ModelError as error:
        raise Refused(f"no report of {night.portfolio} on {night.as_of_date}: {error}") from error
    return write_page(folder / f"report-{night.as_of_date}.html", page)


@task(name="make borrower page", cache_policy=NO_CACHE)
def make_borrower_page(night: Night, enterprise_id: str) -> Path:
    """Write the page of one borrower as of a night and return its path.

    Raises:
        Refused: the night has no row for the borrower.
    """
    with writer(purpose="borrower page") as con:
        if not borrower_rows.is_scored(con, night, enterprise_id):
            raise Refused(
                f"{night.portfolio} has no row of {night.as_of_date} for borrower {printable(enterprise_id)!r}; "
                "name a borrower and a scored night"
            )
        rows = borrower_rows.borrower_rows(con, night, [enterprise_id])
    page = borrower_page(BorrowerRows(**rows), portfolio=night.portfolio, enterprise_id=enterprise_id)
    path = (
        settings().home
        / "reports"
        / night.portfolio
        / "borrowers"
        / str(night.as_of_date)
        / file_name(enterprise_id)
    )
    log.info("report      %s", write_page(path, page))
    return path


def report_night(night: Night) -> list[Path]:
    """Write the night's report and a card of every model that scored it, and show where they are.

    Raises:
        Refused: the date has no scores, or a figure that a page shows is missing; pages made before it stay.
    """
    folder = settings().home / "reports" / night.portfolio
    with writer(purpose="models of the night") as con:
        records = report_rows.records_of(con, night)
    files = [make_report(night, folder)]
    sheets = {record.key: make_scorecard(record, records, folder) for record in records}
    cards = [make_card(night, record, folder, sheet=sheets[record.key]) for record in records]
    files += [path for path in (*cards, *sheets.values()) if path is not None]
    lines = "\n".join(f"- [{file.name}]({file.as_uri()})" for file in files)
    create_markdown_artifact(
        key="reports",
        markdown=f"# {night.portfolio}, {night.as_of_date}\n\n{lines}\n",
        description="Report and model cards",
    )
    shown = sum(path is not None for path in cards)
    log.info("report      %s and %d model cards in %s", files[0].name, shown, folder)
    return files
