"""Makes the report and the model cards of one scored night as HTML pages, or the page of one borrower."""

from datetime import date

from prefect import flow
from pydantic import Field

from flows._parameters import Parameters, Portfolio
from tasks.night import closed_day, end_run, open_run
from tasks.report import make_borrower_page, report_night
from warehouse.connection import writer
from warehouse.night import Night


class ReportParameters(Parameters):
    """Parameters of one run of the report."""

    portfolio: Portfolio = Field(
        default="lender", description="The portfolio to report on; it must have been scored for as_of"
    )
    as_of: date | None = Field(
        default=None, description="The scored night; empty = the day before the scheduled start"
    )
    borrower: str | None = Field(
        default=None,
        min_length=1,
        description="Make the page of this borrower instead, as of that night; empty = the night's pages",
    )


@flow(name="report")
def report(run: ReportParameters = ReportParameters()) -> str:
    """Write the pages anew; a figure that is missing in the warehouse refuses its page.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    as_of = closed_day(run.as_of)
    with writer(purpose=f"report {run.portfolio} {as_of}"):
        run_id = open_run("report", portfolio=run.portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id) as counts:
            night = Night(run.portfolio, as_of, run_id)
            pages = report_night(night) if run.borrower is None else [make_borrower_page(night, run.borrower)]
            counts["pages"] = len(pages)
    return run_id
