"""Charts of the Wide & Deep page."""

from __future__ import annotations

import altair as alt
import polars as pl


def differences(figures: pl.DataFrame) -> alt.Chart | None:
    """Return the chart."""
    return None


def sensitivity(figures: pl.DataFrame) -> alt.Chart | None:
    """Return the chart."""
    return None
