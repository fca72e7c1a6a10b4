"""Cast every delivered row to its types and find the first rule that it breaks.

The rules, in this order: `malformed_row` (in `numbered_rows`), `wrong_type`, `missing_key`, `not_allowed`,
`known_before_fact`, `unknown_enterprise`; `key_repeated` compares rows with one another (in `versions`).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from warehouse.intake.feeds import Feed, FeedColumn
from warehouse.intake.mapping import AS_ASKED, FeedMapping
from warehouse.settings import settings
from warehouse.sql import quoted

_QUOTED_LENGTH = 80  # characters of a value that a detail quotes
_OFFSET = r":\d\d(\.\d+)?\s*([zZ]|[+-]\d\d(:?\d\d)?)$"
_FLOATS = ("DOUBLE", "FLOAT")
_INTEGERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
)
# Parquet types that DuckDB casts directly, not through text, without changing their meaning
_DIRECT: dict[str, tuple[str, ...]] = {
    "date": ("DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"),
    "timestamp": ("DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"),
    "decimal(18,2)": (*_INTEGERS, *_FLOATS, "DECIMAL"),
    "double": (*_INTEGERS, *_FLOATS, "DECIMAL"),
    "integer": _INTEGERS,
    "boolean": ("BOOLEAN",),
}


@dataclass(frozen=True)
class Fault:
    """One way in which a row can be wrong: the rule, and as SQL its condition and the sentence that explains it."""

    rule: str
    broken: str
    detail: str


def type_rows(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    *,
    types: dict[str, str],
    portfolio: str,
    mapping: FeedMapping = AS_ASKED,
) -> list[Fault]:
    """Fill `intake_typed` (file_row, typed columns, known_at, brings_known_at, fault); `fault` indexes the result.

    Args:
        con: the cursor that read the file.
        feed: the feed of the file.
        types: the columns that the file has, with their types in the file.
        portfolio: whose enterprises the rows may name.
        mapping: how numbers, dates and times are written in the file.
    """
    faults = _faults(feed, types)
    typed = [
        f'{_typed(column, types.get(column.name))} as "{column.name}"'
        for column in feed.columns
        if column.name != "known_at"
    ]
    typed.append(f"{_typed(feed.column('known_at'), types.get('known_at'))} as delivered_at")
    flags = [f'"has_{name}"' for name in types]
    typed += [f"{present(types[name], name)} as {flag}" for name, flag in zip(types, flags, strict=True)]
    cases = " ".join(f"when {fault.broken} then {number}" for number, fault in enumerate(faults))
    con.execute(
        f"""create or replace temp table intake_typed as
            with typed as (select file_row, {", ".join(typed)} from intake_rows as r),
            known as (
                select distinct enterprise_id as known_enterprise
                from wh.raw.enterprises where portfolio = $portfolio
            )
            select t.* exclude (delivered_at, {", ".join(flags)}),
                   coalesce(t.delivered_at, cast(t."{feed.business_time}" as timestamp)) as known_at,
                   {'t."has_known_at"' if "known_at" in types else "false"} as brings_known_at,
                   cast(case {cases} end as utinyint) as fault
            from typed as t left join known as k on t.enterprise_id = k.known_enterprise""",
        {"portfolio": portfolio},
    )
    return faults


def shown(feed: Feed, name: str) -> str:
    """Return SQL of a delivered value as a sentence may quote it: short, and masked if it is personal."""
    return "'***'" if name in feed.hidden else f"left(cast(r.{_q(name)} as varchar), {_QUOTED_LENGTH})"


def _faults(feed: Feed, types: dict[str, str]) -> list[Fault]:
    """Return the rules of the feed in the order in which they are applied to the rows `t` of the typed relation."""
    faults: list[Fault] = []
    for column in feed.columns:
        name = column.name
        if name in types and column.type != "varchar":
            value = "t.delivered_at" if name == "known_at" else f"t.{_q(name)}"
            type_name = "JSON object" if column.type == "json" else column.type
            faults.append(
                Fault(
                    "wrong_type",
                    f't."has_{name}" and {value} is null',
                    f"'The column {name} holds ''' || {shown(feed, name)} || ''', which is no {type_name}.'",
                )
            )
    faults.extend(
        Fault("missing_key", f"t.{_q(column.name)} is null", f"'The column {column.name} is empty.'")
        for column in feed.columns
        if column.required
    )
    for column in feed.columns:
        if column.choices:
            allowed = ", ".join(quoted(choice) for choice in column.choices)
            sentence = f"''', allowed are {', '.join(column.choices)}.'"
            faults.append(
                Fault(
                    "not_allowed",
                    f"t.{_q(column.name)} not in ({allowed})",
                    f"'The column {column.name} holds ''' || {shown(feed, column.name)} || {sentence}",
                )
            )
    business_time = feed.business_time
    if "known_at" in types:
        faults.append(
            Fault(
                "known_before_fact",
                f"cast(t.delivered_at as date) < cast(t.{_q(business_time)} as date)",
                f"'The row was known on ''' || {shown(feed, 'known_at')} || ''', before {business_time} ''' || "
                f"{shown(feed, business_time)} || '''.'",
            )
        )
    if feed.name != "enterprises":
        faults.append(
            Fault(
                "unknown_enterprise",
                "k.known_enterprise is null",
                "'No enterprise ''' || "
                f"{shown(feed, 'enterprise_id')} || ''' was delivered for this portfolio.'",
            )
        )
    return faults


def present(type_: str, name: str) -> str:
    """Return SQL that is true if the row has a value; empty text and the NaN that data frames write are no values."""
    column = f"r.{_q(name)}"
    if type_ in _FLOATS:
        return f"({column} is not null and not isnan({column}))"
    return f"({column} <> '' and {column} is not null)" if type_ == "VARCHAR" else f"({column} is not null)"


def _typed(column: FeedColumn, delivered: str | None) -> str:
    """Return SQL of the value in the declared type, null if there is none or it does not fit the type."""
    if delivered is None:
        return f"cast(null as {column.type})"
    raw = f"r.{_q(column.name)}"
    family = delivered.split("(")[0]
    if delivered == "TIMESTAMP WITH TIME ZONE" and column.type in ("timestamp", "date"):
        return f"try_cast(timezone({quoted(settings().timezone)}, {raw}) as {column.type})"
    if family in _DIRECT.get(column.type, ()):
        value = f"case when isfinite({raw}) then {raw} end" if _can_be_infinite(family) else raw
        return f"try_cast({value} as {column.type})"
    if column.type == "json" and ("(" in delivered or delivered.endswith("[]") or family == "MAP"):
        text = f"cast(to_json({raw}) as varchar)"
    else:
        text = f"nullif({raw if delivered in ('VARCHAR', 'JSON') else f'cast({raw} as varchar)'}, '')"
    return _from_text(column, text)


def _from_text(column: FeedColumn, text: str) -> str:
    cast = f"try_cast({text} as {column.type})"
    match column.type:
        case "varchar":
            return text
        case "integer":  # a cast alone would turn 3.7 into 4
            return f"case when try_cast({text} as double) = {cast} then {cast} end"
        case "date" | "double":  # 'infinity' is a date and a number to DuckDB
            return f"case when isfinite({cast}) then {cast} end"
        case "timestamp":  # a cast alone would drop the offset of 2026-06-30T10:00:00Z
            offset = f"length({text}) > 19 and regexp_matches({text}, '{_OFFSET}')"
            local = f"timezone({quoted(settings().timezone)}, try_cast({text} as timestamptz))"
            return f"case when {offset} then {local} when isfinite({cast}) then {cast} end"
        case "json":
            return f"case when json_valid({text}) and json_type({text}) = 'OBJECT' then json({text}) end"
        case _:
            return cast


def _can_be_infinite(family: str) -> bool:
    return family in _FLOATS or family == "DATE" or family.startswith("TIMESTAMP")


def _q(name: str) -> str:
    return f'"{name}"'
