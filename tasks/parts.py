"""Cut a step into parts, and tell how many are computed at once."""

from collections.abc import Sequence
from typing import NamedTuple

from prefect.context import FlowRunContext
from prefect.task_runners import ThreadPoolTaskRunner

from warehouse.buckets import BucketRange
from warehouse.errors import Refused
from warehouse.settings import settings


class Part(NamedTuple):
    """The borrowers of some buckets, part `number` (from 0) of so many."""

    buckets: BucketRange
    number: int
    of: int


def numbered(ranges: Sequence[BucketRange]) -> list[Part]:
    """Return the parts of a step, in the order of their buckets."""
    return [Part(buckets, number, len(ranges)) for number, buckets in enumerate(ranges)]


def on_dask() -> bool:
    """Return True if the tasks that the flow submits run on the workers of a Dask cluster."""
    run = FlowRunContext.get()
    # a flow that does not spread its parts keeps threads, whatever the setting
    return (
        run is not None
        and settings().dask is not None
        and not isinstance(run.task_runner, ThreadPoolTaskRunner)
    )


def workers() -> int:
    """Return how many parts Dask computes at once, 1 without Dask.

    Raises:
        Refused: when there is no scheduler, or it has no worker for as long as a writer waits for the warehouse.
    """
    conf, run = settings(), FlowRunContext.get()
    if run is None or not on_dask():
        return 1
    try:
        client = run.task_runner.client
    except OSError as error:
        raise Refused(
            f"no Dask scheduler answers at {conf.dask}; start it, or change NIGHTLEDGER_DASK"
        ) from error
    try:
        client.wait_for_workers(1, timeout=max(1, conf.lock_wait_seconds))
    except TimeoutError:
        raise Refused(
            f"no worker has come to the Dask scheduler ({conf.dask}) within {conf.lock_wait_seconds:g} s; start one"
        ) from None
    return sum(client.nthreads().values())
