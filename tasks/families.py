"""Which model families can score a borrower, and which of them gives its headline PD: the one place that says so."""

from collections.abc import Collection, Mapping

OPERATIONAL_RISK, VOTING_ENSEMBLE = "operational_risk", "voting_ensemble"

# for each coverage class, the families whose data suffices; the first with a champion gives the headline PD
ORDER: dict[str, tuple[str, ...]] = {
    "thick": (VOTING_ENSEMBLE, OPERATIONAL_RISK),
    "transaction": (OPERATIONAL_RISK,),
    "thin": (OPERATIONAL_RISK,),
}
FAMILIES = (OPERATIONAL_RISK, VOTING_ENSEMBLE)
UNSCOREABLE = "unscoreable"


def covered(family: str) -> tuple[str, ...]:
    """Return the coverage classes whose data suffices for a family: it trains on them and scores them."""
    return tuple(coverage for coverage, order in ORDER.items() if family in order)


def headline(family: str, champions: Collection[str]) -> tuple[str, ...]:
    """Return the coverage classes whose headline PD a family gives, where these families have a champion."""
    first = {coverage: [one for one in order if one in champions][:1] for coverage, order in ORDER.items()}
    return tuple(coverage for coverage, chosen in first.items() if chosen == [family])


def headline_lines(headlines: Mapping[tuple[str, str | None], int]) -> list[str]:
    """Return a line for each coverage class: enterprises, who gives their headline PD, whom that stands in for."""
    lines = []
    for (coverage, family), enterprises in headlines.items():
        wanted = ORDER.get(coverage, (family,))[0]
        stands_in = "" if family == wanted else f", which stands in for {wanted}: that has no champion yet"
        lines.append(f"{coverage:<12}{enterprises:>7,}  {family or 'no model'}{stands_in}")
    return lines
