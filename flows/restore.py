"""Restores a backup into an empty home and says what is there; the next night goes on from it."""

from pathlib import Path

from prefect import flow
from pydantic import Field

from flows._parameters import Parameters
from tasks.backup import restore_home


class RestoreParameters(Parameters):
    """Parameters of one restore."""

    backup: Path = Field(
        description="Folder of one backup, nightledger-... in the folder that backups are kept in"
    )


@flow(name="restore")
def restore(run: RestoreParameters) -> str:
    """Bring a backup back; the run ledger has this run from the moment in which there is a warehouse.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.

    Raises:
        Refused: The home is not empty, or a file of the backup is not what was written.
    """
    return restore_home(run.backup.expanduser().absolute(), run).run_id
