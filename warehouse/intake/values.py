"""Turn every delivered value into its declared type, or into nothing where it says nothing or does not fit.

Regular expressions are dear over millions of rows. So a text is first cast by DuckDB, and only where the result does
not print back letter by letter is it cleaned and read by the strict patterns of `amounts` and `times`. They are dear to
compile too, a few rows of each file of a day pay for all of them: a column of which every text is plain (`is_plain`) is
read without them.
"""

from __future__ import annotations

from collections.abc import Collection

from warehouse.intake import amounts, times
from warehouse.intake.feed import Feed, FeedColumn
from warehouse.intake.mapping import FeedMapping
from warehouse.intake.texts import says_itself, value_of
from warehouse.sql import quoted


def is_plain(column: FeedColumn, mapping: FeedMapping) -> str:
    """Return SQL that is true for a text of the column that reads the same without cleaning and patterns."""
    text = f'"{column.name}"'
    attempt = _quick(column, text, mapping)
    return says_itself(text) if attempt is None else f"({attempt}) is not null"


def typed_rows(feed: Feed, types: dict[str, str], mapping: FeedMapping, *, plain: Collection[str]) -> str:
    """Return SQL of the relations up to `typed` (file_row, columns, delivered_at, has_<column> by `types`).

    Args:
        feed: the feed of the file.
        types: the columns of `intake_rows`, with their types in the file.
        mapping: how numbers, dates and times are written in the file.
        plain: the columns of which every text is plain or null.
    """
    quick, cleaned, typed = ["r.*"], ["*"], ["file_row"]
    for column in feed.columns:
        name, alias = column.name, "delivered_at" if column.name == "known_at" else column.name
        if name not in types:
            typed.append(f'cast(null as {column.type}) as "{alias}"')
        elif name in plain:
            typed.append(f'{_plain(column, mapping)} as "{alias}"')
            typed.append(f'"{name}" is not null as "has_{name}"')
        elif _is_native(column, types[name]):
            typed.append(f'{_native(column, types[name], mapping)} as "{alias}"')
            typed.append(f'{present(types[name], name, "")} as "has_{name}"')
        else:
            text, value = f'"{name} text"', _read(column, f'"{name} text"', mapping)
            delivered = f'"{name}"' if types[name] == "VARCHAR" else f'"{name} printed"'
            if types[name] != "VARCHAR":
                quick.append(f'{_printed(column, types[name])} as "{name} printed"')
            attempt = _quick(column, f"r.{delivered}", mapping) if types[name] == "VARCHAR" else None
            if attempt is None:
                cleaned.append(f"{value_of(delivered)} as {text}")
                typed += [f'{value} as "{alias}"', f'{text} is not null as "has_{name}"']
            else:
                quickly = f'"{name} quickly"'
                quick.append(f"{attempt} as {quickly}")
                cleaned.append(f"case when {quickly} is null then {value_of(delivered)} end as {text}")
                typed.append(f'case when {quickly} is not null then {quickly} else {value} end as "{alias}"')
                typed.append(f'({quickly} is not null or {text} is not null) as "has_{name}"')
    moments = (
        "delivered_at" if c.name == "known_at" else c.name for c in feed.columns if c.type in times.TIME_TYPES
    )
    bounded = ", ".join(f"""{times.plausible(f'"{name}"')} as "{name}\"""" for name in moments)
    return f"""quick as (select {", ".join(quick)} from intake_rows as r),
            cleaned as (select {", ".join(cleaned)} from quick),
            unbounded as (select {", ".join(typed)} from cleaned),
            typed as (select * replace ({bounded}) from unbounded)"""


def present(type_: str, name: str, alias: str = "r.") -> str:
    """Return SQL that is true if the row has a value; null words and the NaN that data frames write are none."""
    column = f'{alias}"{name}"'
    if type_ in amounts.FLOATS:
        return f"({column} is not null and not isnan({column}))"
    return f"({value_of(column) if type_ == 'VARCHAR' else column} is not null)"


def _is_native(column: FeedColumn, delivered: str) -> bool:
    """Return True if the file's own type is read as it is, not through text."""
    family = delivered.split("(", maxsplit=1)[0]
    match column.type:
        case "date" | "timestamp":
            return family in (*times.WITHOUT_OFFSET, times.WITH_OFFSET)
        case "boolean":
            return delivered == "BOOLEAN"
        case "varchar" | "json" | "bigint":
            return False
        case _:
            return family in amounts.NATIVE_NUMBERS


def _native(column: FeedColumn, delivered: str, mapping: FeedMapping) -> str:
    value = f'"{column.name}"'
    if column.type in times.TIME_TYPES:
        return times.native_time(column, value, delivered, mapping)
    if column.type in amounts.NUMBER_TYPES:
        return amounts.native_number(column, value, delivered, mapping)
    return value


def _printed(column: FeedColumn, delivered: str) -> str:
    """Return SQL of a value of another type of the file as text."""
    nested = "(" in delivered or delivered.endswith("[]") or delivered.startswith("MAP")
    value = f'r."{column.name}"'
    return (
        f"cast(to_json({value}) as varchar)"
        if column.type == "json" and nested
        else f"cast({value} as varchar)"
    )


def _quick(column: FeedColumn, text: str, mapping: FeedMapping) -> str | None:
    """Return SQL of a value that needs no cleaning, null for others; None where the type has no such test."""
    if column.type in times.TIME_TYPES:
        return times.quick_time(column, text, mapping)
    if column.type in amounts.NUMBER_TYPES:
        return amounts.quick_number(column, text, mapping)
    if column.choices:
        return f"case when {text} in ({', '.join(map(quoted, column.choices))}) then {text} end"
    return f"try_cast({text} as boolean)" if column.type == "boolean" else None


def _plain(column: FeedColumn, mapping: FeedMapping) -> str:
    """Return SQL of the value of a plain text."""
    text = f'"{column.name}"'
    if _quick(column, text, mapping) is None or column.choices:
        return _read(column, text, mapping)
    return f"try_cast({text} as {column.type})"


def _read(column: FeedColumn, text: str, mapping: FeedMapping) -> str:
    if column.type in times.TIME_TYPES:
        return times.read_time(column, text, mapping)
    if column.type in amounts.NUMBER_TYPES:
        return amounts.read_number(column, text, mapping)
    match column.type:
        case "varchar":
            return text
        case "json":
            return f"case when json_valid({text}) and json_type({text}) = 'OBJECT' then json({text}) end"
        case _:
            return f"try_cast({text} as {column.type})"
