"""Map every probability of default to one grade and one number of points."""

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

Probabilities = npt.NDArray[np.float64]
IN_DEFAULT = "default"  # the state after the last grade in a migration matrix: borrowers in default


class MasterScaleSettings(BaseModel):
    """Bounds, names and points of the scale; the same for every model family, so that grades can be compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bounds: tuple[float, ...] = Field(
        (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64),
        min_length=1,
        description="Upper PD of each grade but the last, exclusive; each doubles the one before.",
    )
    grades: tuple[str, ...] = Field(
        ("A1", "A2", "B1", "B2", "C1", "C2", "D1", "D2", "E1", "E2"), description="Names, best first."
    )
    points_to_double: float = Field(20.0, gt=0, description="Points that double the odds of no default.")
    base_points: float = Field(600.0, description="Points at the base odds.")
    base_odds: float = Field(
        50.0, gt=0, description="Odds of no default to default that earn the base points."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """Refuse bounds out of order or outside (0, 1), and names that do not match them."""
        if any(low >= high for low, high in zip((0.0, *self.bounds), (*self.bounds, 1.0), strict=True)):
            raise ValueError("bounds must rise strictly inside (0, 1)")
        if len(self.grades) != len(self.bounds) + 1 or len(set(self.grades)) != len(self.grades):
            raise ValueError("there must be one distinct grade more than bounds")
        return self


class MasterScale:
    """Give PDs their grades and points; a higher PD never has a better grade or more points.

    Parameters
    ----------
    settings : MasterScaleSettings or None, default=None
        None stands for the defaults.

    Notes
    -----
    ``points = offset + factor * ln(odds)`` with ``odds = (1 - pd) / pd``,
    ``factor = points_to_double / ln 2`` and ``offset = base_points - factor * ln(base_odds)``.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, chapter 6: 600 points at odds of 50 to 1 and 20 points to
    double the odds give a factor of 28.8539 and an offset of 487.123.

    Examples
    --------
    >>> scale = MasterScale()
    >>> scale.grade(np.array([0.001, 0.15])), scale.score_points(np.array([1 / 51])).round(6)
    (['A1', 'D1'], array([600.]))
    """

    def __init__(self, *, settings: MasterScaleSettings | None = None) -> None:
        self.settings = settings or MasterScaleSettings()

    @property
    def factor(self) -> float:
        """Points for one unit of log odds."""
        return float(self.settings.points_to_double / np.log(2.0))

    @property
    def offset(self) -> float:
        """Points at even odds."""
        return float(self.settings.base_points - self.factor * np.log(self.settings.base_odds))

    def grade(self, pd: Probabilities) -> list[str]:
        """Return the grade of each PD: the first whose upper bound lies above it.

        Raises
        ------
        ValueError
            A PD is not strictly inside (0, 1).
        """
        places = np.searchsorted(self.settings.bounds, _checked(pd), side="right")
        return [self.settings.grades[place] for place in places]

    def score_points(self, pd: Probabilities) -> Probabilities:
        """Return the points of each PD, not rounded.

        Raises
        ------
        ValueError
            A PD is not strictly inside (0, 1).
        """
        checked = _checked(pd)
        return np.asarray(
            self.offset + self.factor * (np.log1p(-checked) - np.log(checked)), dtype=np.float64
        )


def _checked(pd: Probabilities) -> Probabilities:
    """Return the PDs; refuse any that is not strictly inside (0, 1)."""
    values = np.asarray(pd, dtype=np.float64)
    if not ((values > 0) & (values < 1)).all():
        raise ValueError("a PD is not strictly between 0 and 1; calibrate scores before grading them")
    return values
