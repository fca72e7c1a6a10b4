"""Write what a lender must deliver for a feed as a data contract in the Open Data Contract Standard, version 3.0.2.

The contract is made from the declaration of the feed, so it says what intake checks. The standard is at
https://bitol-io.github.io/open-data-contract-standard/.
"""

from __future__ import annotations

from typing import Any

import yaml

from warehouse.intake import scenario_sets
from warehouse.intake.feed import ColumnType, Feed, FeedColumn

STANDARD = "v3.0.2"
VERSION = "1.0.0"
"""Version of the contracts; raised when a feed gets another column or rule."""

_LOGICAL: dict[ColumnType, tuple[str, dict[str, Any]]] = {
    "varchar": ("string", {}),
    "date": ("date", {"format": "yyyy-MM-dd"}),
    "timestamp": ("date", {"format": "yyyy-MM-dd HH:mm:ss"}),
    "decimal(18,2)": ("number", {"multipleOf": 0.01}),
    "double": ("number", {}),
    "integer": ("integer", {}),
    "bigint": ("integer", {}),
    "boolean": ("boolean", {}),
    "json": ("object", {}),
}
_EXAMPLES: dict[str, Any] = {
    "date": "2026-06-30",
    "timestamp": "2026-06-30 10:30:00",
    "decimal(18,2)": "1234.50",
    "double": "0.05",
    "integer": "12",
    "boolean": "true",
    "json": '{"order_id": "O1"}',
}


def contract_text(feed: Feed) -> str:
    """Return the contract of a feed as YAML."""
    return yaml.safe_dump(contract(feed), sort_keys=False, allow_unicode=True, width=110)


def contract(feed: Feed) -> dict[str, Any]:
    """Return the contract of a feed as the standard nests it."""
    return {
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": f"nightledger-{feed.name.replace('_', '-')}",
        "name": feed.name,
        "version": VERSION,
        "status": "active",
        "description": {
            "purpose": f"{feed.holds}; one row per {', '.join(feed.key)} and version",
            "usage": (
                f"Put CSV, Parquet or NDJSON files, gzipped or not, into {feed.name}/ of the landing folder. CSV is "
                "UTF-8 with a header, a decimal point and a line end behind the last row. The header has every column, "
                "also an empty one; files that are written otherwise need a mapping in feeds.yaml."
            ),
            "limitations": (
                "Personal columns stop at raw and sensitive columns are for fairness checks only; both may be left "
                "out. enterprise_id and categories are published as they are: no name and no number of a person there."
            ),
        },
        "schema": [
            {
                "name": feed.name,
                "logicalType": "object",
                "physicalType": "file",
                "description": feed.holds,
                "dataGranularityDescription": f"one row per {', '.join(feed.key)} and known_at",
                "properties": [_property(feed, column) for column in feed.columns],
                "quality": _quality(feed),
            }
        ],
    }


def _property(feed: Feed, column: FeedColumn) -> dict[str, Any]:
    logical, options = _LOGICAL[column.type]
    if column.choices:
        options = {"pattern": f"^({'|'.join(column.choices)})$"}
    listed = {
        "name": column.name,
        "logicalType": logical,
        "physicalType": column.type,
        "required": column.required,
    }
    if options:
        listed["logicalTypeOptions"] = dict(options)
    if column.name in feed.key:
        listed |= {"primaryKey": True, "primaryKeyPosition": feed.key.index(column.name) + 1}
    listed["description"] = column.text or f"one of {', '.join(column.choices)}"
    listed["classification"] = (
        "personal" if column.pii or column.free_text else "sensitive" if column.sensitive else "internal"
    )
    if examples := list(column.choices) or ([_EXAMPLES[column.type]] if column.type in _EXAMPLES else []):
        listed["examples"] = examples
    return listed


def _quality(feed: Feed) -> list[dict[str, Any]]:
    """Return the rules of intake for the feed; a row that breaks one is quarantined with its number."""
    must = ", ".join(feed.must_deliver)
    rules = [
        ("columns_delivered", "completeness", f"A file has these columns, filled or empty: {must}."),
        ("wrong_type", "conformity", "Every value fits the type of its column and is not rounded by it."),
        (
            "missing_key",
            "completeness",
            f"These are filled in every row: {', '.join(column.name for column in feed.columns if column.required)}.",
        ),
        (
            "known_before_fact",
            "consistency",
            f"known_at, where it is delivered, is not before the day of {feed.business_time}.",
        ),
        (
            "key_repeated",
            "uniqueness",
            f"Rows of one {', '.join(feed.key)} and known_at are the same; a later known_at restates the row.",
        ),
    ]
    rules += [
        (
            "no_category",
            "conformity",
            f"{column.name} holds no @ and fewer than seven digits: it is published.",
        )
        for column in feed.columns
        if column.category
    ]
    rules += [
        ("not_allowed", "conformity", f"{column.name} is one of {', '.join(column.choices)}.")
        for column in feed.columns
        if column.choices
    ]
    if feed.of_borrowers and feed.name != "enterprises":
        rules.append(
            (
                "unknown_enterprise",
                "consistency",
                "enterprise_id was delivered in enterprises of the same portfolio.",
            )
        )
    if feed.name == "scenarios":
        rules.append(("set_is_whole", "consistency", scenario_sets.RULE))
    return [
        {"name": name, "type": "text", "dimension": dimension, "severity": "error", "description": text}
        for name, dimension, text in rules
    ]
