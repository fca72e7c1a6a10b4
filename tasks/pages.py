"""Write a page of a report."""

from pathlib import Path


def write_page(path: Path, page: str) -> Path:
    """Write a page whole or not at all, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(page, encoding="utf-8")
    draft.replace(path)
    return path
