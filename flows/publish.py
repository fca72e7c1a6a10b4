"""Publishes the warehouse again: a compact read-only copy and Parquet partitions, swapped in atomically."""

from prefect import flow
from pydantic import Field

from flows._parameters import Parameters
from tasks.night import end_run, open_run
from tasks.publish import publish_warehouse
from warehouse.connection import writer


class PublishParameters(Parameters):
    """Parameters of one publication."""

    whole: bool = Field(
        default=False, description="Take nothing over from the last copy; build all of it from the warehouse"
    )
    fewer: bool = Field(
        default=False,
        description="Publish even if nights that are published are not in the warehouse: readers lose them",
    )
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
            return publish_warehouse(run_id, export=True, whole=run.whole, fewer=run.fewer)
