"""Check labels before training: zeros and ones, with enough of both."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.errors import TooFewRowsError


def check_labels(y: npt.ArrayLike, *, rows: int, minimum: int) -> npt.NDArray[np.int64]:
    """Return the labels as zeros and ones; refuse if there are too few of either.

    Raises
    ------
    TooFewRowsError
        With both counts in the message.
    """
    labels = np.asarray(y)
    if labels.shape != (rows,):
        raise TooFewRowsError(f"{rows} rows but {labels.size} labels; give one label a row")
    if not np.isin(labels, (0, 1)).all():
        raise TooFewRowsError("a label is neither 0 nor 1; leave rows with an open window out")
    positives = int(labels.sum())
    if min(positives, rows - positives) < minimum:
        raise TooFewRowsError(
            f"{positives} defaults among {rows} labelled rows; at least {minimum} defaults and {minimum} others "
            "are needed to train; widen the history or the label definition"
        )
    return labels.astype(np.int64)
