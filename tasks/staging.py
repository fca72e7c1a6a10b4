"""Load the parts of a scored night into the tables in which its rows wait for their gate."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tasks.score_part import PartFiles
from warehouse import contributions, curves, scores
from warehouse.connection import transaction, writer
from warehouse.errors import Refused
from warehouse.night import Night


@contextmanager
def staging(night: Night) -> Iterator[Callable[[PartFiles], None]]:
    """Load each part, as it comes, into the tables that the gate reads; the whole is there or nothing of it."""
    with writer(purpose="stage scores") as con, transaction(con):
        first = True

        def stage(part: PartFiles) -> None:
            nonlocal first
            staged = scores.stage_scores(con, [part.scores], night, more=not first)
            if staged != part.rows:
                raise Refused(
                    f"{part.scores} holds {staged:,} scores where {part.rows:,} were written; score again"
                )
            explained = [] if part.contributions is None else [part.contributions]
            contributions.stage_contributions(con, explained, night, more=not first)
            curved = [] if part.curves is None else [part.curves]
            curves.stage_curves(con, curved, night, more=not first)
            first = False

        yield stage
