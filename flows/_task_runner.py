"""Chooses what runs the tasks that a flow submits: threads of its process, or the workers of a Dask cluster."""

from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from warehouse.errors import Refused
from warehouse.settings import settings

# bytes: what glibc itself comes to after it has freed one large array
KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": 64 * 2**20, "MALLOC_MMAP_THRESHOLD_": 32 * 2**20}


def task_runner() -> TaskRunner[Any]:
    """Return the task runner that NIGHTLEDGER_DASK names.

    Raises:
        Refused: when it names a cluster and Dask is not installed.
    """
    conf = settings()
    if conf.dask is None:
        return ThreadPoolTaskRunner(max_workers=conf.threads)
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise Refused(
            f"NIGHTLEDGER_DASK is {conf.dask!r}, but {error.name} is not installed: pip install 'nightledger[dask]'"
        ) from error
    if conf.dask != "local":
        return DaskTaskRunner(address=conf.dask)
    import dask

    # Dask lets go of freed memory at once, which takes a quarter of the time of explanations
    dask.config.set(
        {f"distributed.nanny.pre-spawn-environ.{name}": size for name, size in KEPT_MEMORY.items()}
    )
    # one thread a worker, as the libraries hold Python's lock for much of an explanation
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": conf.threads,
            "threads_per_worker": 1,
            "dashboard_address": None,
            "security": True,  # certificates of its own: other users of this machine reach its ports too
            "env": {"NIGHTLEDGER_THREADS": "1"},
            "preload": ["flows._dask_worker"],  # their imports take as long as the intake of a small night
        }
    )
