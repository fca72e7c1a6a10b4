"""Write the sheet of a model whose PDs are sums of points."""

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from models.errors import ModelError
from models.telling.scorecard_page import ScorecardRows, scorecard_page
from tasks.pages import write_page
from warehouse import scorecards
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.registry import ModelRecord


@task(name="make scorecard", task_run_name="scorecard of {record.model_family}", cache_policy=NO_CACHE)
def make_scorecard(record: ModelRecord, others: Sequence[ModelRecord], folder: Path) -> Path | None:
    """Write the sheet of one model beside the others of its night and return its path; None if it has no points."""
    with writer(purpose="sheet of a model") as con:
        rows = scorecards.read(con, record)
        if rows.is_empty():
            return None
        beside = {
            other.model_family: scorecards.paired(con, record, other)
            for other in others
            if other.model_family != record.model_family and other.role == "champion"
        }
    try:
        page = scorecard_page(ScorecardRows(record.model_dump(mode="python"), rows, beside))
    except ModelError as error:
        raise Refused(f"no scorecard of {record.model_family} {record.model_version}: {error}") from error
    return write_page(folder / f"sheet-{record.model_family}-{record.model_version}.html", page)
