"""Publish the warehouse: a compact read-only copy and Parquet partitions, replaced while readers continue."""

import logging
import time

from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse.connection import writer
from warehouse.publishing import publish

log = logging.getLogger("nightledger")


@task(name="publish warehouse", cache_policy=NO_CACHE)
def publish_warehouse(run_id: str, *, whole: bool = False, fewer: bool = False) -> str:
    """Replace the published copy by a new one and return its path; `publish` of the warehouse explains the options."""
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
