"""Read dates and times: strict ISO 8601 or the formats of a mapping, as local time of the lender.

One instant has one local date, whatever the format that brought it: an offset moves a time into the lender's zone
before its date is taken. A time without an offset is local already, unless the mapping names its zone; a date, and
midnight in a column of dates, has no zone and is never moved.
"""

from __future__ import annotations

from warehouse.intake.feed import FeedColumn
from warehouse.intake.mapping import FeedMapping
from warehouse.settings import settings
from warehouse.sql import quoted

TIME_TYPES = ("date", "timestamp")
# types of Parquet that have no offset; casts between them keep the day and the time
WITHOUT_OFFSET = ("DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S")
WITH_OFFSET = "TIMESTAMP WITH TIME ZONE"

_DATE = r"\d{4}(-\d\d?-\d\d?|/\d\d?/\d\d?)"
_CLOCK = r"(T| +)([01]?\d|2[0-3]):[0-5]?\d(:[0-5]?\d([.,]\d+)?)?"
_OFFSET = r" ?((?i:z|utc|gmt)|[+-](0\d|1[0-5])(:?[0-5]\d)?)"
# what DuckDB reads in one cast, whatever the zone of its session; the parts of other texts are read one by one
_FULL = r"\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)"
_HAS_CLOCK = ("%H", "%I", "%-H", "%-I", "%c", "%X")


def plausible(time: str) -> str:
    """Return SQL of the date or time, null before 1900 and after 9999: no fact of a lender lies there."""
    return f"case when {time} between timestamp '1900-01-01' and timestamp '9999-12-31 23:59:59.999999' then {time} end"


def quick_time(column: FeedColumn, text: str, mapping: FeedMapping) -> str | None:
    """Return SQL of a time that DuckDB reads and prints back letter by letter, null for others; None to try none."""
    if mapping.dates or (column.type == "timestamp" and _zone_of(mapping)):
        return None
    cast = f"try_cast({text} as {column.type})"
    printed = f"cast({cast} as varchar)"
    return (
        f"case when {printed} = {text} then {cast} "
        f"when {text}[11] = 'T' and {printed} = replace({text}, 'T', ' ') then {cast} end"
    )


def read_time(column: FeedColumn, text: str, mapping: FeedMapping) -> str:
    """Return SQL of the time that a cleaned text says, null if it says none."""
    if mapping.dates:
        formats = (_by_format(column, text, format_, mapping) for format_ in mapping.dates)
        return f"try_cast(coalesce({', '.join(formats)}) as {column.type})"
    body, offset = (rf"regexp_extract({text}, '^(.*?){_OFFSET}$', {group})" for group in (1, 2))
    without = f"try_cast(replace({text}, ',', '.') as timestamp)"
    utc = f"try_cast(replace({body}, ',', '.') as timestamp)"
    return f"""try_cast(case
        when regexp_full_match({text}, '{_DATE}') then try_cast({text} as timestamp)
        when regexp_full_match({text}, '{_DATE}{_CLOCK}') then {_local(column, without, mapping)}
        when regexp_full_match({text}, '{_FULL}')
        then {_from_instant(f"try_cast({text} as timestamptz)")}
        when regexp_full_match({text}, '{_DATE}{_CLOCK}{_OFFSET}')
        then {_from_instant(f"timezone('UTC', {utc} - {_interval(offset)})")}
        end as {column.type})"""


def native_time(column: FeedColumn, value: str, delivered: str, mapping: FeedMapping) -> str:
    """Return SQL of a time that the file holds as such."""
    if delivered == WITH_OFFSET:
        local = _from_instant(value)
    elif delivered == "DATE":
        local = value
    else:
        local = _local(column, f"cast({value} as timestamp)", mapping)
    return f"try_cast({local} as {column.type})"


def _by_format(column: FeedColumn, text: str, format_: str, mapping: FeedMapping) -> str:
    parsed = f"try_strptime({text}, {quoted(format_)})"
    if "%z" in format_:  # DuckDB reads no Z there
        signed = f"regexp_replace({text}, ' ?(?i:z|utc|gmt)$', '+00:00')"
        local = _from_instant(f"try_strptime({signed}, {quoted(format_)})")
    elif "%Z" in format_:
        local = _from_instant(parsed)
    elif any(clock in format_ for clock in _HAS_CLOCK):
        local = _local(column, parsed, mapping)
    else:
        local = parsed
    # else %Y would take the year 25 from a format with %y further on
    return plausible(local) if len(mapping.dates) > 1 else local


def _zone_of(mapping: FeedMapping) -> str | None:
    """Return the zone of times without an offset, None if it is the lender's."""
    return None if mapping.timezone == settings().timezone else mapping.timezone


def _local(column: FeedColumn, time: str, mapping: FeedMapping) -> str:
    zone = _zone_of(mapping)
    if zone is None:
        return time
    moved = _from_instant(f"timezone({quoted(zone)}, {time})")
    if column.type == "timestamp":
        return moved
    return f"case when {time} = date_trunc('day', {time}) then {time} else {moved} end"


def _from_instant(instant: str) -> str:
    return f"timezone({quoted(settings().timezone)}, {instant})"


def _interval(offset: str) -> str:
    """Return SQL of an offset such as Z, +02, -0530 or +05:30 as an interval."""
    minutes = f"60 * cast({offset}[2:3] as integer) + coalesce(try_cast({offset}[-2:] as integer), 0)"
    hours_only = f"60 * cast({offset}[2:3] as integer)"
    size = f"case when length({offset}) > 3 then {minutes} else {hours_only} end"
    return f"""to_minutes(case {offset}[1] when '+' then {size} when '-' then -({size}) else 0 end)"""
