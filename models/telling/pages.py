"""HTML from templates: complete without a network or a script, and refused where a figure is missing."""

from __future__ import annotations

import base64
import math
from datetime import date, datetime
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from models.errors import ModelError
from models.telling.plots import svg

TEMPLATES = Path(__file__).parent / "templates"


class MissingFigureError(ModelError):
    """A page would have shown a number that is not there."""


def render(template: str, **values: Any) -> str:
    """Return a page; what borrowers or lenders wrote is escaped.

    Parameters
    ----------
    template : str
        File below ``models/templates``.
    **values
        What the template names; one that it names and does not get is an error.

    Raises
    ------
    MissingFigureError
        A figure is None, not a number, or infinite.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "figure": figure, "share": share, "span": span, "day": day}
    environment.tests["known"] = known
    return environment.get_template(template).render(**values)


def picture(chart: alt.TopLevelMixin, *, about: str) -> Markup:
    """Return a chart as an image inside the page, apart from the others: drawn ones share names of their parts."""
    drawn = base64.b64encode(svg(chart).encode()).decode()
    return Markup('<img alt="{}" src="data:image/svg+xml;base64,{}">').format(about, drawn)


def known(value: Any) -> bool:
    """Whether a figure is there: neither None nor not-a-number nor infinite."""
    return value is not None and math.isfinite(value)


def figure(value: Any, digits: int = 3, *, name: str = "a figure") -> str:
    """Return a number with so many digits after the point.

    Examples
    --------
    >>> figure(0.12345)
    '0.123'
    """
    return f"{_there(value, name):,.{digits}f}"


def share(value: Any, digits: int = 1, *, name: str = "a share") -> str:
    """Return a share as per cent.

    Examples
    --------
    >>> share(0.1234)
    '12.3%'
    """
    return f"{_there(value, name):.{digits}%}"


def count(value: Any, *, name: str = "a count") -> str:
    """Return a whole number with separators."""
    return f"{int(_there(value, name)):,}"


def span(low: Any, high: Any, digits: int = 3) -> str:
    """Return an interval in brackets."""
    return f"({figure(low, digits, name='the lower end')} to {figure(high, digits, name='the upper end')})"


def day(value: date | datetime | None) -> str:
    """Return a date as 2026-06-30."""
    if value is None:
        raise MissingFigureError("a date that the page shows is missing")
    return f"{value:%Y-%m-%d}"


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as templates read them."""
    return frame.to_dicts()


def _there(value: Any, name: str) -> float:
    if not known(value):
        raise MissingFigureError(
            f"{name} that the page shows is missing ({value}); measure it before the page is made"
        )
    return float(value)
