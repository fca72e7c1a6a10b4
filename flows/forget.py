"""Forgets a borrower: removes its personal fields from the warehouse for good and records who asked; scores stay."""

from prefect import flow
from pydantic import ConfigDict, Field

from flows._parameters import Parameters, Portfolio
from tasks.forget import forget_enterprise
from tasks.night import end_run, open_run
from warehouse.connection import writer


class ForgetParameters(Parameters):
    """Parameters of one request to forget."""

    model_config = ConfigDict(str_strip_whitespace=True)

    portfolio: Portfolio = Field(description="The portfolio of the borrower")
    enterprise_id: str = Field(min_length=1, description="The borrower, as the lender numbers it")
    requested_by: str = Field(
        min_length=1,
        description="Who asked, as a code or an office; kept and published, so never the borrower's name",
    )
    reason: str = Field(
        min_length=1,
        description="Why, such as the number of the request; kept and published, so without names",
    )


@flow(name="forget")
def forget(run: ForgetParameters) -> str:
    """Remove the personal fields of one borrower; what is delivered of them later is left out.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    with writer(purpose=f"forget {run.portfolio} {run.enterprise_id}"):
        # who asked and why are recorded once they are known to hold no name of the borrower
        recorded = run.model_copy(update={"requested_by": "***", "reason": "***"})
        run_id = open_run("forget", portfolio=run.portfolio, as_of_date=None, parameters=recorded)
        with end_run(run_id) as counts:
            result = forget_enterprise(
                run.portfolio,
                run.enterprise_id,
                requested_by=run.requested_by,
                reason=run.reason,
                run_id=run_id,
            )
            counts.update(rows_changed=result.rows_changed, rows_set_aside=result.rows_set_aside)
    return run_id
