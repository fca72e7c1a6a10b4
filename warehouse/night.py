"""A night: one portfolio, one date, and the run that works on it."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple


class Night(NamedTuple):
    """One portfolio as of one date, and the run that reads or writes its rows."""

    portfolio: str
    as_of_date: date
    run_id: str

    @property
    def key(self) -> dict[str, Any]:
        """The partition of the night, portfolio and as_of_date, as SQL parameters."""
        return {"portfolio": self.portfolio, "as_of_date": self.as_of_date}

    def on(self, as_of_date: date) -> Night:
        """Return the same portfolio and run on another date."""
        return self._replace(as_of_date=as_of_date)
