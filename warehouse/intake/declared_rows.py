"""Turn the columns of a delivered file into the columns that its feed declares."""

from __future__ import annotations

from collections import Counter

import duckdb

from warehouse.errors import FileRefused
from warehouse.intake.column_names import near_names
from warehouse.intake.csv_and_ndjson import identifier
from warehouse.intake.csv_header import listed
from warehouse.intake.feeds import FEEDS, Feed
from warehouse.intake.mapping import FeedMapping


def wanted(feed: Feed, mapping: FeedMapping) -> set[str]:
    """Return the columns of a file, in small letters, that are looked for: those declared and those mapped."""
    return {column.name for other in FEEDS.values() for column in other.columns}


def declare_rows(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    mapping: FeedMapping,
    *,
    names: list[str],
    types: dict[str, str],
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Fill `intake_rows` (file_row and the declared columns that the file has) from `intake_source`.

    Args:
        con: the cursor that read the file.
        feed: the feed of the file.
        mapping: where the columns come from.
        names: columns of the file in small letters, in its order.
        types: type in the file of each column of `intake_source`.

    Returns:
        The declared columns with their types, and the columns that are left out.
    """
    extra = _check_columns(feed, names)
    declared = {column.name: types[column.name] for column in feed.columns if column.name in names}
    columns = ", ".join(identifier(name) for name in declared)
    con.execute(f"create temp view intake_rows as select file_row, {columns} from intake_source")
    return declared, extra


def _check_columns(feed: Feed, names: list[str]) -> tuple[str, ...]:
    """Check that a file with these columns belongs to the feed; return the columns that the feed does not declare.

    Raises:
        FileRefused: naming the feed that the columns fit, or the missing columns.
    """
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise FileRefused(f"unreadable: the column {', '.join(twice)} is there twice")
    declared = {column.name for column in feed.columns}
    extra = tuple(name for name in names if name not in declared)
    missing = [name for name in feed.must_deliver if name not in names]
    if missing:
        for other in FEEDS.values():
            if other != feed and set(other.must_deliver) <= set(names):
                raise FileRefused(
                    f"wrong feed: these are the columns of {other.name}; put the file into that folder"
                )
        near = near_names(missing, extra)
        wanting = (f"{name} (is it {' or '.join(near[name])}?)" if name in near else name for name in missing)
        unknown = (
            f"; no columns of ours: {listed(extra)}; rename them, or map them in feeds.yaml" if extra else ""
        )
        raise FileRefused(f"missing columns: {', '.join(wanting)}{unknown}")
    return extra
