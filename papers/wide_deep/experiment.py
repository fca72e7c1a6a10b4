"""Table 2 and figure 2 of the Wide & Deep paper, one seed at a time: a seed is a split and an initialisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from models.errors import TooFewRowsError
from models.evaluation import fold_numbers
from models.metrics import Labels, Scores, auc
from models.runner import threads
from models.wide_deep.classifier import WideDeepClassifier
from models.wide_deep.settings import WideDeepSettings
from papers.wide_deep.boosting import boosted_scores
from papers.wide_deep.thresholds import Average, best_threshold, calls, class_weights

BOOSTED = "LightGBM"
BEST = "Wide & Deep + Cross"
FORMS: dict[str, dict[str, bool]] = {
    "Logistic Regression": {"wide": True, "deep": False, "crosses": False},
    "DNN": {"wide": False, "deep": True, "crosses": False},
    "Wide & Deep": {"wide": True, "deep": True, "crosses": False},
    "Logistic Regression + Cross": {"wide": True, "deep": False, "crosses": True},
    "DNN + Cross": {"wide": False, "deep": True, "crosses": True},
    BEST: {"wide": True, "deep": True, "crosses": True},
}
PAPER_RATE, RATES = 0.0001, (0.0001, 0.001)  # the paper's, and those that the validation part chooses from
AT_PAPER_RATE, RATE_CHOSEN = "2", "2, rate chosen"  # two readings of Table 2
MOST_EPOCHS = 60
EPOCHS_SHOWN = 60  # of figure 2(a)
BATCH_SIZES = (64, 128, 256, 512, 1024)
LEARNING_RATES = (0.00003, 0.0001, 0.0003, 0.001, 0.01)
Point = tuple[str, float]  # of figure 2: what is changed, and to which value
POINTS: tuple[Point, ...] = (
    ("epochs", EPOCHS_SHOWN),
    *(("batch_size", size) for size in BATCH_SIZES),
    *(("learning_rate", rate) for rate in LEARNING_RATES),
)
PARTS = 5  # fifths: one to test, one to choose on, three to train

Rows = npt.NDArray[np.int64]


class Parts(NamedTuple):
    """The rows of the three parts of one split."""

    train: Rows
    validation: Rows
    test: Rows


class SeedFigure(NamedTuple):
    """One figure of one seed."""

    table_number: str
    row_name: str
    metric: str
    value: float


class Sample(NamedTuple):
    """Rows to measure on: columns, labels, and how both are to be read.

    Attributes
    ----------
    frame : polars.DataFrame of shape (n_samples, n_columns)
    labels : ndarray of shape (n_samples,)
    groups : mapping of column to group
    settings : WideDeepSettings
        Declared crosses and everything else that is not switched or searched.
    positive_share : float or None
        Share of defaults in the population, where the sample was drawn by class.
    borrowers : list of str or None
        Borrower of each row, where one may repeat.
    forms : tuple of str
        Rows of Table 2 that are measured.
    rates : tuple of float
        Learning rates that the validation part chooses from.
    """

    frame: pl.DataFrame
    labels: Labels
    groups: Mapping[str, str]
    settings: WideDeepSettings
    positive_share: float | None = None
    borrowers: list[str] | None = None
    forms: tuple[str, ...] = tuple(FORMS)
    rates: tuple[float, ...] = RATES


def three_parts(labels: Labels, *, random_state: int, borrowers: list[str] | None = None) -> Parts:
    """Return a random split into 60% training, 20% validation and 20% test rows, stratified by label.

    All rows of a borrower are in one part.
    """
    fifth = fold_numbers(labels, folds=PARTS, random_state=random_state, borrowers=borrowers)
    return Parts(np.flatnonzero(fifth > 1), np.flatnonzero(fifth == 1), np.flatnonzero(fifth == 0))


def thinned(labels: Labels, *, rows: int, positive_share: float, random_state: int) -> Rows:
    """Return rows drawn at random within each class so that size and class mix are exactly those asked, in order.

    Raises
    ------
    TooFewRowsError
        A class has fewer rows.
    """
    rng = np.random.default_rng(random_state)
    counts = {1: round(rows * positive_share), 0: rows - round(rows * positive_share)}
    drawn = []
    for label, number in counts.items():
        places = np.flatnonzero(labels == label)
        if len(places) < number:
            raise TooFewRowsError(
                f"{len(places):,} rows of class {label}, {number:,} are wanted; simulate more enterprises"
            )
        drawn.append(rng.choice(places, number, replace=False))
    return np.sort(np.concatenate(drawn))


def table_2_seed(sample: Sample, *, seed: int) -> Iterator[SeedFigure]:
    """Yield the measures of the six rows and of LightGBM on one split; the test part is only scored.

    The validation part decides when to stop, which learning rate is chosen (the one of the lower loss, as in the
    paper's section 4.2.1), and where the thresholds lie: those with its best F1, of the defaults and of
    the average over both classes. Each row is also measured at the paper's rate.

    Parameters
    ----------
    sample : Sample
    seed : int
        Of the split, of the first weights and of the order of rows.
    """
    parts = three_parts(sample.labels, random_state=seed, borrowers=sample.borrowers)
    tables = (AT_PAPER_RATE, RATE_CHOSEN) if PAPER_RATE in sample.rates else (RATE_CHOSEN,)
    for name in sample.forms:
        form = {**FORMS[name], "max_epochs": MOST_EPOCHS}
        fits = {
            rate: _fitted(sample, parts, {**form, "learning_rate": rate}, seed=seed) for rate in sample.rates
        }
        losses = {rate: fit.history_[fit.best_epoch_ - 1].validation_loss for rate, fit in fits.items()}
        rate_of = {AT_PAPER_RATE: PAPER_RATE, RATE_CHOSEN: min(losses, key=losses.__getitem__)}
        for table in tables:
            fit = fits[rate_of[table]]
            yield from _measured(table, name, _scores(fit, sample, parts), sample, parts)
            yield SeedFigure(table, name, "best epoch", float(fit.best_epoch_))
            yield SeedFigure(table, name, "learning rate", rate_of[table])
    boosted, trees = boosted_scores(
        sample.frame, sample.labels, train=parts.train, validation=parts.validation, random_state=seed
    )
    for table in tables:
        scores = (boosted[parts.validation], boosted[parts.test])
        yield from _measured(table, BOOSTED, scores, sample, parts)
        yield SeedFigure(table, BOOSTED, "trees", float(trees))


def figure_2_seed(sample: Sample, point: Point, *, seed: int) -> Iterator[SeedFigure]:
    """Yield one point of figure 2 on one split: the full model with one setting changed, measured on the test part.

    Parameters
    ----------
    sample : Sample
    point : (str, float)
        One of `POINTS`. ``epochs``: so many are run whatever the validation part says; the figures are its AUC and
        loss after each.
    seed : int
    """
    setting, value = point
    parts = three_parts(sample.labels, random_state=seed, borrowers=sample.borrowers)
    form: dict[str, Any] = dict(FORMS[BEST])
    if setting == "epochs":
        form |= {"max_epochs": int(value), "patience": int(value)}
        for number, epoch in enumerate(_fitted(sample, parts, form, seed=seed).history_, start=1):
            yield SeedFigure("figure 2", f"epochs {number}", "validation auc", epoch.validation_auc)
            yield SeedFigure("figure 2", f"epochs {number}", "validation loss", epoch.validation_loss)
        return
    form |= {setting: int(value) if setting == "batch_size" else value, "max_epochs": MOST_EPOCHS}
    fitted = _fitted(sample, parts, form, seed=seed)
    row = f"{setting} {value:g}"
    yield from _measured("figure 2", row, _scores(fitted, sample, parts), sample, parts)
    yield SeedFigure("figure 2", row, "best epoch", float(fitted.best_epoch_))


def _fitted(sample: Sample, parts: Parts, changed: Mapping[str, Any], *, seed: int) -> WideDeepClassifier:
    """Return a model fitted on the training part and stopped on the validation part."""
    settings = WideDeepSettings.model_validate(
        {**sample.settings.model_dump(), **changed, "random_state": seed}
    )
    frame, labels = sample.frame, sample.labels
    model = WideDeepClassifier(settings=settings, groups=sample.groups, runner=threads())
    return model.fit(
        frame[parts.train],
        labels[parts.train],
        validation=(frame[parts.validation], labels[parts.validation]),
    )


def _scores(fitted: WideDeepClassifier, sample: Sample, parts: Parts) -> tuple[Scores, Scores]:
    """Return a model's scores of the validation and the test part."""
    validation, test = (
        np.asarray(fitted.predict_proba(sample.frame[rows])[:, 1], dtype=np.float64)
        for rows in (parts.validation, parts.test)
    )
    return validation, test


def _measured(
    table: str, row: str, scores: tuple[Scores, Scores], sample: Sample, parts: Parts
) -> Iterator[SeedFigure]:
    """Yield the paper's four measures: thresholds from the validation part, figures from the test part."""
    validation, test = scores
    validation_labels, test_labels = sample.labels[parts.validation], sample.labels[parts.test]
    weights, test_weights = (
        class_weights(part, sample.positive_share) for part in (validation_labels, test_labels)
    )
    yield SeedFigure(table, row, "auc", auc(test_labels, test))
    averages: dict[str, Average] = {"": "defaults", "average ": "classes"}
    for prefix, average in averages.items():
        threshold = best_threshold(validation_labels, validation, weights=weights, average=average)
        measures = calls(test_labels, test, threshold, weights=test_weights, average=average)
        for metric, value in {**measures, "threshold": threshold}.items():
            yield SeedFigure(table, row, f"{prefix}{metric}", value)
