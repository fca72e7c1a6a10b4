"""Renew the section of one benchmark in docs/benchmarks.md, or on another page."""

from __future__ import annotations

import platform
import re
import sys
from datetime import date
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
INTRODUCTION = """# Benchmarks

Measured by `make bench`. These machines are shared, so the ratios, taken in one run side by side, are the figures to
read; the seconds are for orientation.
"""


def renew(section: str, *, title: str, command: str, body: str, page: Path = PAGE) -> None:
    """Replace one section of the page by the new measurement and print it."""
    text = page.read_text(encoding="utf-8") if page.exists() else INTRODUCTION
    start, end = f"<!-- {section}:start -->", f"<!-- {section}:end -->"
    block = (
        f"{start}\n## {title}\n\n`{command}`, {date.today()}, Python {platform.python_version()}\n\n"
        f"{body.strip()}\n{end}"
    )
    if start in text:
        text = re.sub(re.escape(start) + ".*?" + re.escape(end), lambda _: block, text, flags=re.DOTALL)
    else:
        text = f"{text.rstrip()}\n\n{block}\n"
    page.write_text(text, encoding="utf-8")
    sys.stdout.write(f"\n{block}\n")
