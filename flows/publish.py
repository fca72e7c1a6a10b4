"""Publishes the warehouse again: a compact read-only copy and Parquet partitions, swapped in atomically."""

from prefect import flow
from pydantic import Field

from flows._parameters import Parameters
from tasks.night import end_run, open_run
from tasks.publish import publish_warehouse
from warehouse.connection import writer


class PublishParameters(Parameters):
    """Parameters of one publication."""

    note: str = Field(
        default="", max_length=200, description="Why it is published again; kept in the run ledger"
    )


@flow(name="publish")
def publish(run: PublishParameters = PublishParameters()) -> str:
    """Publish what the warehouse holds.

    Args:
        run: The parameters of this run.

    Returns:
        The path of the published file.
    """
    with writer(purpose="publish"):
        run_id = open_run("publish", portfolio="all", as_of_date=None, parameters=run)
        with end_run(run_id):
            return publish_warehouse(run_id)
