"""Run a step part by part, each a task that reads the warehouse as it was when the step began."""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any, NamedTuple, TypeVar

from prefect import Task
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture, wait
from prefect.task_runners import ThreadPoolTaskRunner

from warehouse.buckets import BucketRange
from warehouse.errors import Refused
from warehouse.settings import settings
from warehouse.snapshot import pinned

Result = TypeVar("Result")


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


def run_parts(
    task: Task[..., Result],
    parts: Sequence[Part],
    *,
    query: bool = False,
    meanwhile: Callable[[], None] | None = None,
    **given: Any,
) -> list[Result]:
    """Run a task for each part on the task runner of the flow and return the results in the order of the parts.

    It returns, or raises what `meanwhile` or the first part that failed has raised, when the last one has ended: none
    reads or writes beside what the caller does next.

    Args:
        task: takes a part, the snapshot that it reads, and what is given.
        parts: the parts.
        query: a part is a query that uses all cores by itself: without Dask one runs after the other.
        meanwhile: what the run itself does while others compute, and before them where they read its file, which is
            closed for them. It stores nothing that a part reads.
        given: further arguments of the task.
    """
    if meanwhile is not None and on_dask() and settings().catalogue is None:
        meanwhile()
        meanwhile = None
    with pinned(elsewhere=on_dask()) as snapshot:
        if query and not on_dask():
            return [task(part=part, snapshot=snapshot, **given) for part in parts]
        futures = [task.submit(part=part, snapshot=snapshot, **given) for part in parts]
        try:
            if meanwhile is not None:
                meanwhile()
        except Exception:  # an interrupt waits for nobody
            wait(futures)
            raise
        wait(futures)
    return results(futures)


def results(futures: Sequence[PrefectFuture[Result]]) -> list[Result]:
    """Return the results of submitted tasks, in their order.

    Raises:
        Refused: when the scheduler of Dask was lost, so that nobody knows how they ended.
    """
    try:
        return [future.result() for future in futures]
    except CancelledError as error:
        raise Refused(
            f"the Dask scheduler ({settings().dask}) was lost while it had work of this run; what it had is not "
            "stored; start it and run this again"
        ) from error
