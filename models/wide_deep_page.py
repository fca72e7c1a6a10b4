"""docs/wide-and-deep.md, written from the rows of ops.replication that it shows."""

from __future__ import annotations

import polars as pl


def page(figures: pl.DataFrame) -> str:
    """Return the page."""
    return str(figures)
