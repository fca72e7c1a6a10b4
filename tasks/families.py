"""Which model families can score a borrower, and which of them gives its headline PD: the one place that says so."""

from collections.abc import Collection, Mapping

OPERATIONAL_RISK, VOTING_ENSEMBLE, WIDE_DEEP = "operational_risk", "voting_ensemble", "wide_deep"

# for each coverage class, the families whose data suffices; the first with a champion gives the headline PD, unless
# it is shown to be worse than the class's STAND_IN
ORDER: dict[str, tuple[str, ...]] = {
    "thick": (VOTING_ENSEMBLE, OPERATIONAL_RISK, WIDE_DEEP),
    "transaction": (WIDE_DEEP, OPERATIONAL_RISK),
    "thin": (OPERATIONAL_RISK,),
}
STAND_IN = OPERATIONAL_RISK
FAMILIES = (OPERATIONAL_RISK, VOTING_ENSEMBLE, WIDE_DEEP)
UNSCOREABLE = "unscoreable"


def covered(family: str) -> tuple[str, ...]:
    """Return the coverage classes whose data suffices for a family: it trains on them and scores them."""
    return tuple(coverage for coverage, order in ORDER.items() if family in order)


def intended(family: str) -> tuple[str, ...]:
    """Return the coverage classes that a family is meant for: those whose order it leads."""
    return tuple(coverage for coverage, order in ORDER.items() if order[0] == family)


def headline(family: str, champions: Collection[str], *, behind: Collection[str] = ()) -> tuple[str, ...]:
    """Return the coverage classes whose headline PD a family gives.

    Args:
        family: the family asked for.
        champions: families that have a champion.
        behind: of these, the ones that were shown to be worse than the stand-in: the others come before them.
    """
    first = {
        coverage: sorted((one for one in order if one in champions), key=lambda one: one in behind)[:1]
        for coverage, order in ORDER.items()
    }
    return tuple(coverage for coverage, chosen in first.items() if chosen == [family])


def headline_lines(
    headlines: Mapping[tuple[str, str | None], int], *, behind: Collection[str] = ()
) -> list[str]:
    """Return a line for each coverage class: enterprises, who gives their headline PD, whom that stands in for."""
    lines = []
    for (coverage, family), enterprises in headlines.items():
        wanted = ORDER.get(coverage, (family,))[0]
        why = "that is worse beyond noise" if wanted in behind else "that has no champion yet"
        stands_in = "" if family == wanted else f", which stands in for {wanted}: {why}"
        lines.append(f"{coverage:<12}{enterprises:>7,}  {family or 'no model'}{stands_in}")
    return lines
