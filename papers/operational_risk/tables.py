"""The published table of the operational risk paper."""

from __future__ import annotations

import json
from pathlib import Path

PUBLISHED = Path(__file__).with_name("published.json")


def published_table_4() -> dict[str, dict[str, float]]:
    """Return the paper's Table 4 as {model: {measure: value}}."""
    table: dict[str, dict[str, float]] = json.loads(PUBLISHED.read_text(encoding="utf-8"))["table_4"]
    return table
