"""Choose the columns of a feature frame that enter a model, and give a reason for each that does not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from models.errors import NoFeaturesError
from models.schema import kind_of

_WINDOW = re.compile(r"_(\d+d|all)$")


def choose_features(
    frame: pl.DataFrame,
    *,
    groups: Mapping[str, str] | None,
    wanted: Sequence[str],
    windows: Sequence[str] = (),
) -> tuple[list[str], dict[str, str]]:
    """Return the features that enter, and the reason for each column of the wanted groups that does not.

    Parameters
    ----------
    frame : polars.DataFrame of shape (n_samples, n_columns)
        Training rows; keys and other groups may be among the columns.
    groups : mapping of str to str, or None
        Group of each column. None: every column may enter.
    wanted : sequence of str
        Groups that may enter.
    windows : sequence of str, default=()
        Windows that may enter, such as 365d; empty: every window.

    Raises
    ------
    NoFeaturesError
        No column is left.
    """
    names, left_out = [], {}
    for name in frame.columns:
        if groups is not None and groups.get(name) not in wanted:
            continue
        window = _WINDOW.search(name)
        if windows and window is not None and window[1] not in windows:
            continue
        column = frame[name]
        if column.null_count() == frame.height:
            left_out[name] = "nothing delivered"
        elif kind_of(column.dtype) is None:
            left_out[name] = f"{column.dtype} is no number, flag or text"
        elif column.n_unique() < 2:
            left_out[name] = "constant"
        else:
            names.append(name)
    if not names:
        raise NoFeaturesError(
            f"no column of the groups {', '.join(wanted)} holds two different values "
            f"in {frame.height} training rows; deliver the feeds that fill them, or train another family"
        )
    return names, left_out
