"""Render HTML pages from templates; they need no network and no script, and never show a missing figure."""

from __future__ import annotations

import math
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import altair as alt
import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from models.errors import ModelError
from models.telling.plots import svg
from models.telling.wording import money, points

TEMPLATES = Path(__file__).parent / "templates"


class MissingFigureError(ModelError):
    """A page would have shown a figure that is missing."""


def render(template: str, **values: Any) -> str:
    """Return a page as HTML; text written by borrowers or lenders is escaped.

    Parameters
    ----------
    template : str
        File below ``models/telling/templates``.
    **values
        Values for the names in the template; a name without a value is an error.

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
    environment.filters |= {
        "count": count, "figure": figure, "share": share, "span": span, "day": day, "money": money, "points": points,
    }  # fmt: skip
    environment.tests["known"] = known
    return environment.get_template(template).render(**values)


def picture(chart: alt.TopLevelMixin, *, about: str) -> Markup:
    """Return a chart as an image inside the page, separate from other charts, whose parts share names.

    Parameters
    ----------
    chart : altair.TopLevelMixin
    about : str
        What the chart shows, with its figures, for readers who hear the page.
    """
    # its own quotes are the other ones, so that little has to be encoded; whatever could end the attribute is
    drawn = svg(chart).replace("'", "&apos;").replace('"', "'")
    source = Markup(quote(drawn, safe=" !$'()*+,-./:;<=>?@[]_~"))  # noqa: S704
    return Markup('<img alt="{}" src="data:image/svg+xml,{}">').format(about, source)


def known(value: Any) -> bool:
    """Return True if a figure is present: not None, not NaN and not infinite."""
    return value is not None and math.isfinite(value)


def figure(value: Any, digits: int = 3, *, name: str = "a figure") -> str:
    """Return a number with the given digits after the point.

    Examples
    --------
    >>> figure(0.12345)
    '0.123'
    """
    return f"{_required(value, name):,.{digits}f}"


def share(value: Any, digits: int = 1, *, name: str = "a share") -> str:
    """Return a share as a percentage.

    Examples
    --------
    >>> share(0.1234)
    '12.3%'
    """
    return f"{_required(value, name):.{digits}%}"


def count(value: Any, *, name: str = "a count") -> str:
    """Return a whole number with thousands separators."""
    return f"{int(_required(value, name)):,}"


def span(low: Any, high: Any, digits: int = 3) -> str:
    """Return an interval in brackets."""
    return f"({figure(low, digits, name='the lower end')} to {figure(high, digits, name='the upper end')})"


def day(value: date | datetime | None) -> str:
    """Return a date as 2026-06-30."""
    if value is None:
        raise MissingFigureError("a date that the page shows is missing")
    return f"{value:%Y-%m-%d}"


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as dictionaries, the form that templates read."""
    return frame.to_dicts()


def _required(value: Any, name: str) -> float:
    if not known(value):
        raise MissingFigureError(
            f"{name} that the page shows is missing ({value}); measure it before the page is made"
        )
    return float(value)
