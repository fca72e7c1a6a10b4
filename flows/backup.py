"""Backs the home up into a folder of its own: consistent, complete, and read again before it appears."""

from pathlib import Path

from prefect import flow
from pydantic import Field

from flows._parameters import Parameters
from tasks.backup import back_up_home
from tasks.night import end_run, open_run
from warehouse.backups.backup import warehouse_source
from warehouse.connection import writer


class BackupParameters(Parameters):
    """Parameters of one backup."""

    to: Path = Field(
        description="Folder that backups are kept in, best on another disk; each is a folder of its own"
    )


@flow(name="backup")
def backup(run: BackupParameters) -> str:
    """Copy everything that a night needs, while no other process writes.

    Args:
        run: The parameters of this run.

    Returns:
        The folder of the backup.

    Raises:
        Refused: The warehouse stayed in use, or the backup could not be written whole; nothing of it is left.
    """
    with warehouse_source() as source, writer(purpose="backup"):
        run_id = open_run("backup", portfolio="all", as_of_date=None, parameters=run)
        with end_run(run_id) as counts:
            made = back_up_home(run.to.expanduser().absolute(), run_id, source)
            counts.update(files=len(made.manifest.files), bytes=made.manifest.bytes, rows=made.manifest.rows)
    return str(made.path)
