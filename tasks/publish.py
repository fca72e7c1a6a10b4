"""Publish the warehouse: a version of a lake, or a compact copy and Parquet partitions; readers continue meanwhile."""

import logging
import time

from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse.connection import writer
from warehouse.publishing import publish, publish_version
from warehouse.settings import settings

log = logging.getLogger("nightledger")


@task(name="publish warehouse", cache_policy=NO_CACHE)
def publish_warehouse(run_id: str, *, export: bool = False, whole: bool = False, fewer: bool = False) -> str:
    """Let readers see what the warehouse holds, and return what they open: the path of the copy, or a version.

    Args:
        run_id: The run that publishes.
        export: Of a lake, write the copy as well.
        whole: As `publish` of the warehouse explains.
        fewer: As `publish` of the warehouse explains.
    """
    if settings().catalogue is None:
        return publish_copy(run_id, whole=whole, fewer=fewer)
    version = publish_lake(run_id)
    return publish_copy(run_id, whole=whole, fewer=fewer) if export else version


def publish_copy(run_id: str, *, whole: bool = False, fewer: bool = False) -> str:
    """Replace the published copy, log what it holds, and return its path."""
    started = time.perf_counter()
    with writer(purpose="publish") as con:
        publication = publish.publish(con, run_id, whole=whole, fewer=fewer)
    log.info(
        "publish     %s  %.1f MiB  %.1f s",
        publication.path,
        publication.bytes / 2**20,
        time.perf_counter() - started,
    )
    return str(publication.path)


def publish_lake(run_id: str) -> str:
    """Publish the version that the lake has now, let go of those that nobody reads any more, and return it."""
    started = time.perf_counter()
    with writer(purpose="publish") as con:
        version = publish_version.publish(con, run_id)
        gone = publish_version.let_go(con)
    log.info(
        "publish     version %d of the lake, %d older ones let go  %.1f s",
        version, gone, time.perf_counter() - started,
    )  # fmt: skip
    return f"version {version}"
