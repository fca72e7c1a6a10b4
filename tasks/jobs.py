"""Run the independent pieces of a training as Prefect tasks, so that a run's page shows each with name and time."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture

from models.runner import Job, Runner, threads
from tasks.parts import on_dask, workers
from tasks.run_parts import result
from warehouse.settings import settings


# results are fitted models and arrays: without a cache key Prefect hands them back and stores them nowhere
@task(name="train piece", task_run_name="{name}", cache_policy=NO_CACHE)
def do_piece(name: str, work: Callable[[], Any]) -> Any:  # noqa: ARG001  (the task run is called by it)
    """Do one piece of a training and return its result."""
    return work()


def training_runner() -> Runner:
    """Return a runner on the flow's task runner, or on as many threads where no flow runs.

    It waits for its pieces, so it must be called from the flow's own thread: in a task that itself occupies one of the
    flow's workers, all of them could end up waiting.
    """
    return as_tasks if FlowRunContext.get() is not None else threads(settings().threads)


def as_tasks(jobs: Sequence[Job]) -> list[Any]:
    """Submit each job as a task run and return the results in the order of the jobs.

    No more wait at once than keep every worker busy: each takes a copy of its data along to a Dask worker.
    """
    waiting: deque[PrefectFuture[Any]] = deque()
    ahead = 2 * (workers() if on_dask() else settings().threads)
    results = []
    for job in jobs:
        if len(waiting) == ahead:
            results.append(result(waiting.popleft()))
        waiting.append(do_piece.submit(job.name, job.work))
    return results + [result(future) for future in waiting]
