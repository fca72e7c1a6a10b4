"""Run a step part by part, each a task that reads the warehouse as it was when the step began."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from prefect import Task
from prefect.futures import PrefectFuture, wait

from tasks.parts import Part, on_dask
from warehouse.errors import Refused
from warehouse.settings import settings
from warehouse.snapshot import pinned

Result = TypeVar("Result")


def run_parts(
    task: Task[..., Result],
    parts: Sequence[Part],
    *,
    query: bool = False,
    meanwhile: Callable[[], None] | None = None,
    into: AbstractContextManager[Callable[[Result], None]] | None = None,
    **given: Any,
) -> list[Result]:
    """Run a task for each part on the task runner of the flow and return the results in the order of the parts.

    It returns, or raises what `meanwhile`, `into` or the first part that failed has raised, when the last one has
    ended: none reads or writes beside what the caller does next.

    Args:
        task: takes a part, the snapshot that it reads, and what is given.
        parts: the parts.
        query: a part is a query that uses all cores by itself: without Dask one runs after the other.
        meanwhile: what the run itself does while others compute, and before them where it computes itself or they
            read its file, which is closed for them. It stores nothing that a part reads.
        into: what takes the result of each part, in their order, as soon as it is there; where parts read the run's
            file, after the last one. It is entered after `meanwhile` and stores nothing that a part reads.
        given: further arguments of the task.
    """
    closed = on_dask() and settings().catalogue is None
    by_itself = query and not on_dask()
    if meanwhile is not None and (closed or by_itself):
        meanwhile()
        meanwhile = None
    with pinned(elsewhere=on_dask()) as snapshot:
        if by_itself:
            return taken((task(part=part, snapshot=snapshot, **given) for part in parts), into)
        futures = [task.submit(part=part, snapshot=snapshot, **given) for part in parts]
        try:
            if meanwhile is not None:
                meanwhile()
            if not closed:
                return taken(map(result, futures), into)
        except Exception:  # an interrupt waits for nobody
            wait(futures)
            raise
        wait(futures)
    return taken(map(result, futures), into)


def taken(
    found: Iterable[Result], into: AbstractContextManager[Callable[[Result], None]] | None
) -> list[Result]:
    """Hand each result over once it is there, and return them all."""
    if into is None:
        return list(found)
    results = []
    with into as take:
        for each in found:
            take(each)
            results.append(each)
    return results


def result(future: PrefectFuture[Result]) -> Result:
    """Return the result of a submitted task, once it is there.

    Raises:
        Refused: when the scheduler of Dask was lost, so that nobody knows how it ended.
    """
    try:
        return future.result()
    except CancelledError as error:
        raise Refused(
            f"the Dask scheduler ({settings().dask}) was lost while it had work of this run; what it had is not "
            "stored; start it and run this again"
        ) from error
