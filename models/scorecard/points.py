"""Turn weights of evidence into whole points, so that a score is a sum that anyone gets to the last digit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.scorecard.bins import FeatureBins
from models.scorecard.fitting import Fit
from models.scorecard.settings import ScorecardSettings

Floats = npt.NDArray[np.float64]
Points = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scale:
    """What points mean: the anchor points are the anchor odds of no default, and so many points double them."""

    points_to_double: int
    anchor_points: int
    anchor_odds: float

    @classmethod
    def of(cls, settings: ScorecardSettings) -> Scale:
        """Return the scale of a model's settings."""
        return cls(settings.points_to_double, settings.anchor_points, settings.anchor_odds)

    @property
    def factor(self) -> float:
        """Points of one unit of log-odds."""
        return self.points_to_double / math.log(2)

    def points(self, log_odds: float) -> float:
        """Return the points of log-odds of no default.

        Examples
        --------
        >>> Scale(20, 600, 50.0).points(math.log(100.0))
        620.0
        """
        return self.anchor_points + self.factor * (log_odds - math.log(self.anchor_odds))

    def log_odds(self, points: Points | Floats) -> Floats:
        """Return the log-odds of default of points."""
        return np.asarray((self.anchor_points - points) / self.factor - math.log(self.anchor_odds))

    def probability(self, points: Points) -> Floats:
        """Return the probability of default of points, before calibration."""
        doublings = (points - self.anchor_points) / self.points_to_double
        return np.asarray(1.0 / (1.0 + self.anchor_odds * np.exp2(doublings)), dtype=np.float64)


@dataclass(frozen=True)
class Card:
    """The points of each bin of each feature, and those that everybody begins with.

    A bin's points say by how much it is safer than the average of the training rows: ``factor * weight * (evidence -
    mean evidence of the feature)``, rounded. Everybody begins with the points of the average.
    """

    base: int
    weights: tuple[float, ...]
    points: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, features: Sequence[FeatureBins], fit: Fit, scale: Scale) -> Card:
        """Return the card of a fit on the weights of evidence of features, in their order."""
        weights = tuple(fit.weights.tolist())
        mean = fit.intercept + sum(
            weight * feature.mean for weight, feature in zip(weights, features, strict=True)
        )
        return cls(
            round(scale.points(mean)),
            weights,
            tuple(
                tuple(round(scale.factor * weight * (part.evidence - feature.mean)) for part in feature.bins)
                for weight, feature in zip(weights, features, strict=True)
            ),
        )
