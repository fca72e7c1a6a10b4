"""Let a family lead coverage classes from a day on, and log what was recorded and what comes of it."""

import logging
from collections.abc import Sequence
from datetime import date

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from models.champion_rule import order, stand_in
from models.families import FAMILIES
from tasks.lineup import find_lineup
from warehouse import class_leaders
from warehouse.class_leaders import LeaderRecord
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.safe_text import in_markdown

log = logging.getLogger("nightledger")


@task(name="choose leader", cache_policy=NO_CACHE)
def choose_leader(
    portfolio: str,
    family: str,
    classes: Sequence[str],
    *,
    effective_from: date,
    reason: str,
    approver: str,
    run_id: str,
) -> tuple[LeaderRecord, ...]:
    """Record that a family leads the classes, log each record and where it does not give the headline all the same.

    Raises:
        Refused: it leads one of the classes on that night already, or has no champion then.
    """
    night = Night(portfolio, effective_from, run_id)
    choices = tuple(
        LeaderRecord(
            portfolio=portfolio, coverage=coverage, model_family=family, effective_from=effective_from,
            reason=reason, approver=approver, run_id=run_id,
        )
        for coverage in classes
    )  # fmt: skip
    lines = []
    with writer(purpose=f"{family} leads {', '.join(classes)}") as con:
        before = {choice.coverage: choice.model_family for choice in class_leaders.on_night(con, night)}
        for choice in choices:
            first, *_ = order(choice.coverage, FAMILIES, leaders=before)
            if first == family:
                raise Refused(
                    f"{family} leads the {choice.coverage} files of {portfolio} on {effective_from} already"
                )
            line = f"{family} leads the {choice.coverage} files of {portfolio} from {effective_from} on, before {first}"
            later = class_leaders.next_choice(con, choice)
            if later is not None:
                line += f", until {later.effective_from}, from when {later.model_family} does by a record of its own"
            lines.append(line)
        class_leaders.record(con, choices)
    lines.append(f"approved by {approver}: {reason}")
    for line in lines:
        log.info("leader      %s", line)
    lines += what_comes_of_it(night, family, classes)
    create_markdown_artifact(
        key=f"leader-{family.replace('_', '-')}",
        markdown="\n".join(f"- {in_markdown(line)}" for line in lines),
        description=f"{portfolio}: {family} leads {', '.join(classes)} files from {effective_from} on",
    )
    return choices


def what_comes_of_it(night: Night, family: str, classes: Sequence[str]) -> list[str]:
    """Return a line for each class whose headline another family gives with the champions of the night; log it."""
    lineup = find_lineup(night)
    lines = []
    for coverage in classes:
        gives = lineup.headline_family(coverage)
        if gives != family:
            reference = stand_in(lineup.champions, FAMILIES)
            lines.append(
                f"{gives} gives the headline of {coverage} files all the same: {family} is shown to be worse than "
                f"{reference} there, and stands beside until it is not"
            )
            log.warning("leader      %s", lines[-1])
    return lines
