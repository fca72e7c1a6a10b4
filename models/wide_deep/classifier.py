"""Fit Wide & Deep for borrowers with a profile and a payment flow (Vanhoeven & Chen)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from models.calibration import Calibrator
from models.errors import NoFeaturesError
from models.evaluation import borrowers_of, repeated_folds
from models.explanation import Explanation
from models.feature_choice import choose_features
from models.labels import check_labels
from models.metrics import Labels
from models.runner import Runner
from models.schema import kind_of
from models.wide_deep.explanation import explain_wide_deep
from models.wide_deep.preparation import CHUNK, WideDeepPreparation
from models.wide_deep.settings import SENSITIVE_COLUMNS, SENSITIVE_GROUP, WideDeepSettings

if TYPE_CHECKING:
    from models.wide_deep.fitting import Epoch

Matrix = npt.NDArray[np.float64]
Part = tuple[pl.DataFrame, Labels]

ENTERPRISE = "enterprise_id"


class WideDeepClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fit the paper's joint model: a linear part over slots and crosses, hidden layers over the payment flow.

    Profile and credit behaviour go to the wide part, numbers there as quantile bins; the payment flow goes to
    the deep part. Both are trained together and stopped where the loss on the validation part was lowest;
    the weights of that epoch are kept.

    Parameters
    ----------
    settings : WideDeepSettings or None, default=None
        None: the defaults.
    groups : mapping of str to str, or None, default=None
        Group of each column. Columns of other groups, or without a group, do not enter. None: categories and flags
        go to the wide part, numbers to the deep part. Text of a deep group goes to the wide part, the only
        one that looks up levels.
    runner : Runner or None, default=None
        Not used, since one training has nothing to run side by side; every family's classifier takes a runner.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    feature_names_in_ : ndarray of str
        Features trained on, those of the wide part first.
    groups_ : tuple of str
        Groups trained on, in the order of the settings.
    left_out_ : dict of str to str
        Columns of a wanted group that did not enter, each with its reason.
    decisions_ : tuple of str
        Decisions taken during the fit.
    base_rate_ : float
        Share of defaults in the rows given, the held-out validation part included.
    preparation_ : WideDeepPreparation
    network_ : WideDeepNetwork
    history_ : tuple of Epoch
        Training loss, validation loss and validation AUC of each epoch.
    best_epoch_ : int
        The epoch, from 1, whose weights are kept.

    References
    ----------
    Vanhoeven & Chen, Default Risk Prediction for Small and Micro Enterprises Using a Wide and Deep Learning
    Framework, sections 3 and 4.1 to 4.2.

    Examples
    --------
    >>> import numpy as np, polars as pl
    >>> rng = np.random.default_rng(0)
    >>> bad = np.arange(400) % 4 == 0
    >>> frame = pl.DataFrame({"city": np.where(bad, "a", rng.choice(["a", "b"], 400)),
    ...                       "tx_count_30d": rng.poisson(np.where(bad, 3.0, 9.0))})
    >>> settings = WideDeepSettings(max_epochs=2, hidden=(8,))
    >>> model = WideDeepClassifier(settings=settings).fit(frame, bad.astype(int))
    >>> model.predict_proba(frame).shape, len(model.history_)
    ((400, 2), 2)
    """

    family: ClassVar[str] = WideDeepSettings.family

    def __init__(
        self,
        *,
        settings: WideDeepSettings | None = None,
        groups: Mapping[str, str] | None = None,
        runner: Runner | None = None,
    ) -> None:
        self.settings = settings
        self.groups = groups
        self.runner = runner

    def fit(
        self,
        X: pl.DataFrame,
        y: npt.ArrayLike,
        validation: tuple[pl.DataFrame, npt.ArrayLike] | None = None,
        *,
        checkpoint: Path | None = None,
    ) -> Self:
        """Fit on labelled rows.

        Parameters
        ----------
        X : polars.DataFrame of shape (n_samples, n_columns)
            Feature frame; keys and other groups may be among its columns. If it has the column
            enterprise_id, all rows of one borrower go to one side of the validation split.
        y : array-like of shape (n_samples,)
            1 for default, 0 for none; no gaps.
        validation : (polars.DataFrame, array-like), optional
            Rows that decide when to stop. None: ``validation_share`` of the rows given, stratified.
        checkpoint : Path, optional
            File for the state after each epoch. If it holds the state of an interrupted training on the same rows
            and settings, training resumes from there and ends with the same weights; any other content is
            ignored. The file is removed at the end.

        Raises
        ------
        TooFewRowsError
            Fewer rows of either class than ``minimum_positives``, or than the validation split needs.
        NoFeaturesError
            A part that is switched on has no column with two different values.
        ModelError
            The loss is no longer a number.
        """
        settings = self.settings or WideDeepSettings()
        labels = check_labels(y, rows=X.height, minimum=settings.minimum_positives)
        training, held_out = self._split(X, labels, validation, settings)
        wide, deep, moved = self._choose(training[0], settings)
        # only now: rows that are refused need no torch
        from models.wide_deep.checkpoint import Checkpoint, mark_of
        from models.wide_deep.fitting import begin, train
        from models.wide_deep.network import WideDeepNetwork, device_of

        self.preparation_ = WideDeepPreparation(
            wide,
            deep,
            crosses=settings.declared_crosses,
            bins=settings.bins,
            rare_below=settings.rare_below,
        ).fit(training[0])
        prepared = self.preparation_
        device = device_of(settings.device)
        network = WideDeepNetwork.for_settings(settings, prepared).to(device)
        parts = (
            (prepared.transform(training[0]), training[1]),
            (prepared.transform(held_out[0]), held_out[1]),
        )
        state = begin(network, settings)
        store = Checkpoint(checkpoint, mark_of(settings, *parts)) if checkpoint is not None else None
        resumed = store is not None and store.restore(state)
        epochs_before = len(state.history)
        train(
            state,
            *parts,
            settings=settings,
            before_validation=lambda current: current.network.fill_absent(
                prepared.presence_, prepared.offsets_
            ),
            after_epoch=store.save if store is not None else lambda _: None,
        )
        if store is not None:
            store.remove()
        self.network_ = network.finished()
        self.history_: tuple[Epoch, ...] = tuple(state.history)
        self.best_epoch_ = state.best_epoch
        self.decisions_ = (
            *prepared.decisions_,
            *(
                (f"went on after epoch {epochs_before} of a training that was interrupted",)
                if resumed
                else ()
            ),
            *(f"{name} is text and goes to the wide part" for name in moved),
            *(
                f"{n} validation rows hold {name} that training did not show"
                for name, n in prepared.unseen_counts(held_out[0]).items()
                if n
            ),
        )
        self.classes_ = np.array([0, 1])
        self.base_rate_ = float(labels.mean())
        self.n_samples_ = len(labels)
        self.feature_names_in_ = np.array([*wide, *deep], dtype=object)
        self.n_features_in_ = len(wide) + len(deep)
        self.schema_hash_ = prepared.schema_hash_
        used = {self.groups[name] for name in (*wide, *deep)} if self.groups is not None else set()
        self.groups_ = tuple(group for group in _groups(settings) if group in used)
        return self

    def predict_proba(self, X: pl.DataFrame) -> Matrix:
        """Return the network's probabilities, in chunks.

        Parameters
        ----------
        X : polars.DataFrame of shape (n_samples, at least n_features_in_)
            Other columns are ignored.

        Returns
        -------
        ndarray of shape (n_samples, 2)
            Columns: no default, default.

        Raises
        ------
        SchemaMismatchError
            A feature of training is missing or of another kind.
        """
        from models.wide_deep.network import device_of, probabilities

        check_is_fitted(self, "network_")
        network = self.network_.to(device_of((self.settings or WideDeepSettings()).device))
        positive = np.concatenate(
            [probabilities(network, self.preparation_.transform(part)) for part in _chunks(X)]
        )
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: pl.DataFrame) -> npt.NDArray[np.int64]:
        """Return 1 where the network's own probability is at least one half."""
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(np.int64)

    @property
    def unexplained(self) -> None:
        """Every fitted model of this family explains itself."""
        return

    def explain(self, X: pl.DataFrame, calibrator: Calibrator) -> Explanation:
        """Return the contribution of each feature to the calibrated PD of each row (`models.wide_deep.explanation`)."""
        check_is_fitted(self, "network_")
        explanations = [
            explain_wide_deep(self.network_, self.preparation_, calibrator, self.preparation_.transform(part))
            for part in _chunks(X)
        ]
        return replace(
            explanations[0],
            contributions=np.vstack([explanation.contributions for explanation in explanations]),
            raw=np.concatenate([explanation.raw for explanation in explanations]),
        )

    def unseen_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count for each category and cross the rows with a level or pair not seen in training."""
        check_is_fitted(self, "network_")
        return self.preparation_.unseen_counts(X)

    def _split(
        self,
        X: pl.DataFrame,
        labels: Labels,
        validation: tuple[pl.DataFrame, npt.ArrayLike] | None,
        settings: WideDeepSettings,
    ) -> tuple[Part, Part]:
        """Return the training rows, and the rows that decide when to stop."""
        if validation is not None:
            frame, given = validation
            return (X, labels), (frame, check_labels(given, rows=frame.height, minimum=1))
        _, _, train_rows, held_out = repeated_folds(
            labels,
            folds=round(1 / settings.validation_share),
            repeats=1,
            random_state=settings.random_state,
            borrowers=borrowers_of(X),
        )[0]
        return (X[train_rows], labels[train_rows]), (X[held_out], labels[held_out])

    def _choose(
        self, X: pl.DataFrame, settings: WideDeepSettings
    ) -> tuple[list[str], list[str], tuple[str, ...]]:
        """Return the columns of both parts, and the text columns moved from the deep to the wide part."""
        barred = {ENTERPRISE} | (set(SENSITIVE_COLUMNS) if settings.sensitive == "drop" else set())
        names, self.left_out_ = choose_features(
            X.drop(barred, strict=False),
            groups=self.groups,
            wanted=_groups(settings),
            windows=settings.windows,
        )
        kinds = {name: kind_of(X.schema[name]) for name in names}
        if self.groups is None:
            wide = [name for name in names if kinds[name] != "number"]
            moved: list[str] = []
        else:
            of_deep = {name for name in names if self.groups[name] in settings.deep_groups}
            moved = [name for name in names if name in of_deep and kinds[name] == "category"]
            wide = [name for name in names if name not in of_deep or name in moved]
        deep = [name for name in names if name not in wide]
        for part, chosen, groups in (
            ("wide", wide, settings.wide_groups),
            ("deep", deep, settings.deep_groups),
        ):
            if settings.wide and settings.deep and not chosen:
                raise NoFeaturesError(
                    f"no column for the {part} part (groups {', '.join(groups)}) holds two different values in "
                    f"{X.height} training rows; deliver the feeds that fill them, or train another family"
                )
        return wide, deep, tuple(moved)


def _chunks(X: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the rows in pieces, so that memory does not grow with their number; an empty frame once."""
    for start in range(0, max(X.height, 1), CHUNK):
        yield X.slice(start, CHUNK)


def _groups(settings: WideDeepSettings) -> tuple[str, ...]:
    """Return the groups that may enter, those of the wide part first."""
    sensitive = (SENSITIVE_GROUP,) if settings.sensitive == "use" else ()
    return tuple(dict.fromkeys((*settings.wide_groups, *sensitive, *settings.deep_groups)))
