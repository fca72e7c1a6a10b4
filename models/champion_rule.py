"""Decide which family gives the headline PD of a borrower, by pure rules over families and tonight's champions.

A borrower's coverage class says which data was delivered of it. Every family that covers the class scores it. The
headline comes from the first of them that has a champion: the family that the lender chose for the class, then the one
that is meant for it, then the one that covers most classes. Of several families that are meant for one class, the one
listed last comes first: a new line in `models.families` takes a class over without a change to the family that led it,
which comes next.

The stand-in is the champion that covers most classes, whichever family that is. In a class that the stand-in covers, a
family that was shown to be worse than it on rows of this class that neither had seen comes after the others, also
where the lender chose it.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from models.family import Family

COVERAGES = ("thick", "transaction", "thin")
UNSCOREABLE = "unscoreable"

Families = Mapping[str, Family]

Leaders = Mapping[str, str]
"""The family that the lender chose to lead a coverage class, by class; a class without a choice is missing."""

NO_CHOICE: Leaders = MappingProxyType({})

Worse = Collection[tuple[str, str]]
"""Families that were shown to be worse than the stand-in, each with the coverage class in which it was."""


class Difference(Protocol):
    """The log loss of one champion less that of another, on rows that neither had seen, as a 95% interval."""

    @property
    def low(self) -> float:
        """Lower end; above 0 where the first is worse beyond noise."""

    @property
    def high(self) -> float:
        """Upper end; below 0 where the first is better beyond noise."""


def leads(family: Family, coverage: str, leaders: Leaders) -> bool:
    """Return True if a family that covers a class leads it: the lender chose it, or it is meant for the class."""
    chosen = leaders.get(coverage) == family.name
    return coverage in family.covers and (chosen or coverage in family.leads)


def order(coverage: str, families: Families, *, leaders: Leaders = NO_CHOICE) -> tuple[str, ...]:
    """Return the families that cover a class, the first to give its headline PD first.

    Examples
    --------
    >>> from models.families import FAMILIES
    >>> order("transaction", FAMILIES)
    ('wide_deep', 'operational_risk', 'scorecard')
    >>> order("transaction", FAMILIES, leaders={"transaction": "scorecard"})
    ('scorecard', 'wide_deep', 'operational_risk')
    """
    covering = [family for family in families.values() if coverage in family.covers]
    meant = [family for family in covering if coverage in family.leads]
    others = [family for family in covering if coverage not in family.leads]
    others.sort(key=lambda family: -len(family.covers))
    names = [family.name for family in (*reversed(meant), *others)]
    return tuple(sorted(names, key=lambda name: name != leaders.get(coverage)))


def stand_in(champions: Collection[str], families: Families) -> str:
    """Return the family that the other champions are held against: of the champions, the one that covers most classes.

    The first listed of several. It depends on what families declare and not on how many borrowers a night has, so that
    only a champion that comes or goes can change it.

    Parameters
    ----------
    champions : collection of str
        Families that have a champion, at least one.
    families : mapping of str to Family

    Examples
    --------
    >>> from models.families import FAMILIES
    >>> stand_in(["voting_ensemble", "wide_deep"], FAMILIES)
    'wide_deep'
    """
    having = [family for family in families.values() if family.name in champions]
    return max(having, key=lambda family: len(family.covers)).name


def compared_classes(
    champions: Collection[str], families: Families, *, leaders: Leaders = NO_CHOICE
) -> dict[str, tuple[str, ...]]:
    """Return the families that are compared with the stand-in, each with the classes of its comparisons.

    These are the classes that the family leads and the stand-in covers; with none of them it is not compared.
    """
    if not champions:
        return {}
    reference = families[stand_in(champions, families)]
    shared = {
        name: tuple(
            coverage
            for coverage in COVERAGES
            if leads(families[name], coverage, leaders) and coverage in reference.covers
        )
        for name in champions
        if name != reference.name
    }
    return {name: classes for name, classes in shared.items() if classes}


def is_worse(difference: Difference) -> bool:
    """Return True if a family is shown to be worse than the stand-in: beyond noise, so that luck moves no headline."""
    return difference.low > 0


def headline_family(
    coverage: str,
    champions: Collection[str],
    families: Families,
    *,
    leaders: Leaders = NO_CHOICE,
    worse: Worse = (),
) -> str | None:
    """Return the family that gives the headline PD of a coverage class, or None where no champion covers it.

    Parameters
    ----------
    coverage : str
    champions : collection of str
        Families that have a champion.
    families : mapping of str to Family
    leaders : mapping of str to str
        The lender's choice, by class.
    worse : collection of (str, str)
        Families that were shown to be worse than the stand-in, with the class.

    Examples
    --------
    >>> from models.families import FAMILIES
    >>> headline_family("thick", ["operational_risk", "voting_ensemble"], FAMILIES)
    'voting_ensemble'
    >>> headline_family("thick", FAMILIES, FAMILIES, worse=[("voting_ensemble", "thick")])
    'operational_risk'
    >>> headline_family("thick", FAMILIES, FAMILIES, leaders={"thick": "scorecard"})
    'scorecard'
    """
    candidates = [name for name in order(coverage, families, leaders=leaders) if name in champions]
    # the stand-in is not compared with itself: where it covers the class, somebody is not worse
    return min(candidates, key=lambda name: (name, coverage) in worse, default=None)


def headline_classes(
    family: str,
    champions: Collection[str],
    families: Families,
    *,
    leaders: Leaders = NO_CHOICE,
    worse: Worse = (),
) -> tuple[str, ...]:
    """Return the coverage classes whose headline PD a family gives."""
    return tuple(
        coverage
        for coverage in COVERAGES
        if headline_family(coverage, champions, families, leaders=leaders, worse=worse) == family
    )


def uncovered(coverages: Iterable[str], champions: Collection[str], families: Families) -> list[str]:
    """Return the classes among those given that no champion covers."""
    covered = {coverage for name in champions for coverage in families[name].covers}
    return [coverage for coverage in COVERAGES if coverage in set(coverages) - covered]


def headline_lines(
    enterprises: Mapping[tuple[str, str | None], int],
    families: Families,
    *,
    leaders: Leaders = NO_CHOICE,
    worse: Worse = (),
) -> list[str]:
    """Return a line for each coverage class: its enterprises, and the family that gives their headline PD.

    Parameters
    ----------
    enterprises : mapping of (coverage, family or None) to int
    families : mapping of str to Family
    leaders : mapping of str to str
        The lender's choice, by class.
    worse : collection of (str, str)
        Families that were shown to be worse than the stand-in, with the class.
    """
    lines = []
    for (coverage, family), count in enterprises.items():
        covering = order(coverage, families, leaders=leaders)
        if family is None and covering:
            lines.append(
                f"{coverage:<12}{count:>7,}  no model: no champion covers them until one of "
                f"{', '.join(covering)} is trained (python -m flows train)"
            )
            continue
        leading = next(iter(covering), family)
        reason = "that is worse beyond noise" if (leading, coverage) in worse else "that has no champion yet"
        stands_in = "" if family == leading else f", which stands in for {leading}: {reason}"
        lines.append(f"{coverage:<12}{count:>7,}  {family or 'no model'}{stands_in}")
    return lines
