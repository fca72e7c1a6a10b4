"""What a night of the soak is: the portfolio, its dates, and the commands that run on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

ENTERPRISES = 120
PORTFOLIO = f"simulated-{ENTERPRISES}-7"
FIRST_DATE = date(2026, 6, 30)


@dataclass(frozen=True)
class Night:
    """One night of the small portfolio, counted from 0."""

    number: int

    @property
    def as_of(self) -> date:
        """The day that it scores."""
        return FIRST_DATE + timedelta(days=self.number)

    def command(self, name: str, *options: str) -> list[str]:
        """Return the arguments of a flow or a command for this night."""
        day, small = str(self.as_of), ["--enterprises", str(ENTERPRISES)]
        of_this_night = {
            "nightly": ["nightly", *small, "--as-of", day],
            "backfill": ["backfill", *small, "--from", day, "--to", day],
            "deliver": ["deliver", *small, "--through", day],
            "ingest": ["ingest", "--portfolio", PORTFOLIO],
            "score": ["score", "--portfolio", PORTFOLIO, "--as-of", day],
            "report": ["report", "--portfolio", PORTFOLIO, "--as-of", day],
        }
        return [*of_this_night.get(name, [name]), *options]
