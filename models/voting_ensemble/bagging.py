"""Oversample training rows by bagged SMOTE: each stratified bag on its own (paper, section III.B)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from operator import itemgetter
from typing import Any, ClassVar, Literal

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import validate_data

from models.errors import ModelError, TooFewRowsError
from models.runner import Job, Runner, threads
from models.voting_ensemble.bags import Classes, Matrix, Rows, deal_bags, oversample_bag, shares, two_valued

BAGS = 10
ROWS_A_BAG = 10_000


@dataclass(frozen=True, eq=False)
class Bag:
    """Result of oversampling one bag.

    Parameters
    ----------
    rows : ndarray of int
        Training rows in the bag, ascending.
    minority : int
        Rows of the smallest class in the bag.
    k_neighbors : int
        Number of neighbours used.
    synthetic : int
        Number of synthetic rows made.
    """

    rows: Rows
    minority: int
    k_neighbors: int
    synthetic: int


class BaggedSmote(BaseOverSampler):  # type: ignore[misc]
    """Split training rows into stratified bags, oversample each until its classes balance, and merge them.

    Neighbours are searched inside a bag only: more bags mean less work, and bags run side by side. With
    ``n_bags="auto"`` a bag never exceeds `ROWS_A_BAG` rows, so that time grows linearly with the rows.

    Rules for cases in which plain SMOTE would stop or make up values:

    - Each bag needs ``k_neighbors + 1`` rows of every class that is oversampled. If the smallest such class has too
      few for ``n_bags``, bags join until all have enough. If a single bag still has too few, the neighbours are
      lowered to ``minority - 1``. A single row is refused.
    - A column with exactly two distinct values in the training rows (a flag, one level of a category)
      takes the nearer end of the interpolation. All columns of a synthetic row share one position between
      its two ends, so that a category in several columns stays one category.
    - Classes already equal in number stay as they are, without a synthetic row.

    ``decisions_`` records every departure from the settings. The result depends on the rows, the settings
    and ``random_state`` only, never on the number of threads or the order in which bags are done.

    Parameters
    ----------
    n_bags : int or "auto", default="auto"
        Bags. "auto": 10, and more where a bag would hold over 10,000 rows. The paper names no number.
    k_neighbors : int, default=5
        Neighbours of SMOTE.
    categorical_features : sequence of int or None, default=None
        Columns that hold codes of a category: SMOTENC gives them the most frequent code of the neighbours. At least
        one other column is needed.
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn; "auto" balances every class up to the largest.
    n_jobs : int, default=1
        Number of threads if no runner is given.
    runner : Runner or None, default=None
        Runs the bags, such as one that submits each as a Prefect task.
    random_state : int, default=0
        Seed; each bag has its own, derived from this seed and the bag's number.

    Attributes
    ----------
    bags_ : tuple of Bag
    decisions_ : tuple of str
    sampling_strategy_ : dict
        Synthetic rows by class.
    n_features_in_ : int

    References
    ----------
    Yang & Xiao (2024), section III.B and figure 3; Chawla et al. (2002), SMOTE.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(300, 4)), (np.arange(300) % 10 == 0).astype(int)
    >>> sampler = BaggedSmote(n_bags=3)
    >>> rows, labels = sampler.fit_resample(X, y)
    >>> np.bincount(labels), [bag.synthetic for bag in sampler.bags_]
    (array([270, 270]), [80, 80, 80])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_bags": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "k_neighbors": [Interval(Integral, 1, None, closed="left")],
        "categorical_features": ["array-like", None],
        "sampling_strategy": BaseOverSampler._parameter_constraints["sampling_strategy"],  # noqa: SLF001
        "n_jobs": [Integral],
        "runner": [HasMethods("__call__"), None],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        n_bags: int | Literal["auto"] = "auto",
        k_neighbors: int = 5,
        categorical_features: Sequence[int] | None = None,
        sampling_strategy: Any = "auto",
        n_jobs: int = 1,
        runner: Runner | None = None,
        random_state: int = 0,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.n_bags = n_bags
        self.k_neighbors = k_neighbors
        self.categorical_features = categorical_features
        self.n_jobs = n_jobs
        self.runner = runner
        self.random_state = random_state

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the given rows in their order, followed by the synthetic ones, bag after bag.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers without gaps; float32 stays float32, other numbers become float64.
        y : array-like of shape (n_samples,)
            Classes, of any kind.

        Raises
        ------
        TooFewRowsError
            One class only, or a single row of a class that is to be oversampled.
        ModelError
            A gap or infinite value; categorical features that do not fit the columns.
        """
        return super().fit_resample(X, y)  # type: ignore[no-any-return]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags

    def _check_X_y(self, X: Any, y: Any) -> tuple[Matrix, Classes, bool]:  # noqa: N802 - the base class names it
        y, binarise = check_target_type(y, indicate_one_vs_all=True)
        if hasattr(
            X, "sparse"
        ):  # a pandas frame of sparse columns, which imbalanced-learn wants back as such
            X = X.sparse.to_dense()
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], ensure_all_finite=False)
        gaps = np.flatnonzero(~np.isfinite(X).all(axis=0))
        if gaps.size:
            raise ModelError(
                f"NaN or inf in {gaps.size} of {X.shape[1]} columns, the first is column {gaps[0]}; SMOTE cannot "
                "interpolate them: impute or mark gaps beforehand"
            )
        classes = np.unique(y)
        if len(classes) < 2:
            raise TooFewRowsError(
                f"all {len(y)} labels are of one class, {classes[0]}; there is nothing to balance it with"
            )
        return X, y, binarise

    def _fit_resample(self, X: Matrix, y: Classes) -> tuple[Matrix, Classes]:
        categories = self._categories(X.shape[1])
        to_make = {label: count for label, count in self.sampling_strategy_.items() if count}
        n_bags, k_neighbors, self.decisions_ = self._plan(y, to_make)
        dealing_seed, *seeds = np.random.SeedSequence(self.random_state).spawn(n_bags + 1)
        bags = deal_bags(y, n_bags=n_bags, random_state=dealing_seed)
        totals = {label: int(np.count_nonzero(y == label)) + count for label, count in to_make.items()}
        pairs = {column: pair for column, pair in two_valued(X).items() if column not in categories}
        jobs = [
            Job(
                f"bag {number + 1} of {n_bags}",
                partial(
                    oversample_bag,
                    X,
                    y,
                    rows,
                    totals={label: shares(total, n_bags)[number] for label, total in totals.items()},
                    k_neighbors=k_neighbors,
                    categorical_features=categories,
                    pairs=pairs,
                    random_state=seed,
                ),
            )
            for number, (rows, seed) in enumerate(zip(bags, seeds, strict=True))
        ]
        resampled = (self.runner or threads(self.n_jobs))(jobs)
        self.bags_ = tuple(
            Bag(
                rows,
                int(np.unique(y[rows], return_counts=True)[1].min()),
                k_neighbors,
                len(labels),
            )
            for rows, (_, labels) in zip(bags, resampled, strict=True)
        )
        return (
            np.concatenate([X, *(synthetic for synthetic, _ in resampled)]),
            np.concatenate([y, *(labels for _, labels in resampled)]),
        )

    def _categories(self, width: int) -> tuple[int, ...]:
        """Return the columns of codes, after checking them."""
        if self.categorical_features is None or not len(self.categorical_features):
            return ()
        columns = np.unique(self.categorical_features)
        given = columns.tolist()
        if columns.dtype.kind not in "iu" or given[0] < 0 or given[-1] >= width:
            raise ModelError(
                f"categorical_features {given} are not column numbers from 0 to {width - 1}; give positions"
            )
        if len(given) == width:
            raise ModelError(
                f"all {width} columns are categories; SMOTENC measures distance by numbers: leave out "
                "categorical_features, or add a column of numbers"
            )
        return tuple(given)

    def _plan(self, y: Classes, to_make: Mapping[Any, int]) -> tuple[int, int, tuple[str, ...]]:
        """Return the number of bags, the number of neighbours, and every departure from the settings."""
        requested = max(BAGS, math.ceil(len(y) / ROWS_A_BAG)) if self.n_bags == "auto" else self.n_bags
        if not to_make:
            return min(requested, len(y)), self.k_neighbors, ("the classes are equal in number: no row made",)
        counts = {label: int(np.count_nonzero(y == label)) for label in to_make}
        label, fewest = min(counts.items(), key=itemgetter(1))
        if fewest < 2:
            raise TooFewRowsError(
                f"{fewest} row of class {label} among {len(y)}; SMOTE interpolates between at least 2: widen the "
                "history, or train without oversampling"
            )
        n_bags = max(1, min(requested, fewest // (self.k_neighbors + 1)))
        k_neighbors = min(self.k_neighbors, fewest - 1)
        decisions = []
        if n_bags < requested:
            decisions.append(
                f"{requested} bags joined to {n_bags}: {fewest} rows of class {label}, "
                f"{self.k_neighbors + 1} a bag needed"
            )
        if k_neighbors < self.k_neighbors:
            decisions.append(
                f"{k_neighbors} neighbours in place of {self.k_neighbors}: {fewest} rows of class {label}"
            )
        return n_bags, k_neighbors, tuple(decisions)
