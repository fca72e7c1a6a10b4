"""Independent pieces of work and their runners: threads in the library, Prefect tasks in the training flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

# Pieces run side by side, on one core each. BLAS has one number of threads for the whole process, which pieces that set
# it around themselves, as scikit-learn's search for neighbours does, undo for each other. So it is set once, here.
threadpool_limits(1, user_api="blas")


class Job(NamedTuple):
    """One piece of work that needs no other: a name to show, and a function that returns the result."""

    name: str
    work: Callable[[], Any]


Runner = Callable[[Sequence[Job]], list[Any]]


def threads(n_jobs: int = 1) -> Runner:
    """Return a runner on that many threads, which gives the results in the order of the jobs.

    Examples
    --------
    >>> threads(2)([Job("one", lambda: 1), Job("two", lambda: 2)])
    [1, 2]
    """

    def run(jobs: Sequence[Job]) -> list[Any]:
        return list(Parallel(n_jobs=n_jobs, backend="threading")(delayed(job.work)() for job in jobs))

    return run
