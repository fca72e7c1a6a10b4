"""Read feeds.yaml, which says how a lender's files become feeds; every fault of it is one line.

All scalars stay the text that was written: No is no false, 1001 no number and 2026-01-01 no date until a column says
so.
"""

from __future__ import annotations

import os
import re
import reprlib
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from warehouse.errors import Refused
from warehouse.intake.feed import Feed, FeedColumn
from warehouse.intake.feeds import FEEDS
from warehouse.intake.mapping import AS_ASKED, ColumnMapping, FeedMapping, SignBy, shape_of

FILE_NAME = "feeds.yaml"
_NUMBERS = ("decimal(18,2)", "double", "integer")
_FORMS = {
    "decimal(18,2)": r"-?\d{1,16}(\.\d{1,2})?",
    "double": r"-?\d{1,15}(\.\d{1,15})?",
    "integer": r"-?\d{1,9}",
    "boolean": r"true|false",
    "date": r"\d{4}-\d\d-\d\d",
    "timestamp": r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?",
}
_EXAMPLES = {
    "decimal(18,2)": "1234.50",
    "double": "0.05",
    "integer": "12",
    "boolean": "true or false",
    "date": "2026-06-30",
    "timestamp": "2026-06-30 or 2026-06-30 10:30:00",
}
_SHOWN = 80  # characters of a wrong value
_PAIRS = "keys and values are asked for here, each as key: value"
_Fault = tuple[str, str]
"""Where in a mapping something is wrong, and what."""
Mappings = Mapping[str, tuple[FeedMapping, ...]]


class _TextLoader(yaml.BaseLoader):
    """Reads every scalar as text, and refuses a key that is there twice, of which one would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key.value, str):
                continue  # no key can be a list; PyYAML says so
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value} is there twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_mappings(landing: Path) -> Mappings:
    """Return the mappings of each feed that feeds.yaml of the landing folder names; none where there is no such file.

    Raises:
        Refused: with one line for every fault of the file.
    """
    file = landing / FILE_NAME
    if not os.path.lexists(file):
        return {}
    if not file.is_file():  # opening a FIFO would wait for ever
        raise Refused(
            f"{FILE_NAME}: no regular file, or a link to none; put the file there or take this away"
        )
    try:
        text = file.read_bytes()
    except OSError as error:
        raise Refused(f"{FILE_NAME}: unreadable: {error.strerror or error}") from error
    return parse_mappings(text)


def parse_mappings(text: str | bytes) -> Mappings:
    """Return the mappings of each feed that the text of a feeds.yaml names.

    Raises:
        Refused: with one line for every fault.
    """
    try:
        content = yaml.load(text, _TextLoader)  # noqa: S506  (a BaseLoader makes nothing but text, lists and dicts)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise Refused(f"{FILE_NAME}: {line}{error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise Refused(f"{FILE_NAME}: no YAML: {error}") from error
    if content is None or content == "":
        return {}
    if not isinstance(content, dict):
        raise Refused(
            f"{FILE_NAME}: no feed is named; write the name of a feed, a colon, and its mapping below"
        )
    mappings: dict[str, tuple[FeedMapping, ...]] = {}
    faults: list[str] = []
    for name, entries in content.items():
        if name not in FEEDS:
            faults.append(f"{name}: no such feed{_did_you_mean(name, FEEDS)}; feeds are {', '.join(FEEDS)}")
            continue
        parsed: list[FeedMapping] = []
        for number, entry in enumerate(entries if isinstance(entries, list) else [entries], start=1):
            found: list[_Fault] = []
            mapping = _mapping(FEEDS[name], entry, found)
            if not found:
                found += _unreachable(mapping, parsed)
                parsed.append(mapping)
            faults += [f"{name}, mapping {number}{where}: {fault}" for where, fault in found]
        mappings[name] = tuple(parsed)
    if faults:
        raise Refused(*(f"{FILE_NAME}: {fault}" for fault in faults))
    return mappings


def mapping_of(mappings: Mappings, path: PurePosixPath) -> FeedMapping:
    """Return the first mapping that fits the path below the landing folder; files as we ask for them if none does."""
    feed, *below = path.parts
    in_feed = PurePosixPath(*below)
    for mapping in mappings.get(feed, ()):
        if fnmatchcase(in_feed.as_posix(), mapping.files):
            return mapping.at(in_feed)
    return AS_ASKED


def patterns_without_a_file(mappings: Mappings, paths: Collection[PurePosixPath]) -> list[str]:
    """Return a line for each mapping whose pattern fits none of the paths below the landing folder."""
    return [
        f"{FILE_NAME}: {feed}, mapping {number}: no file in {feed}/ fits {mapping.files}"
        for feed, entries in mappings.items()
        for number, mapping in enumerate(entries, start=1)
        if not any(
            path.parts[0] == feed and fnmatchcase(PurePosixPath(*path.parts[1:]).as_posix(), mapping.files)
            for path in paths
        )
    ]


def _mapping(feed: Feed, entry: object, found: list[_Fault]) -> FeedMapping:
    """Return the mapping of one entry; what is wrong with it is added to the faults, and left out."""
    if not isinstance(entry, dict):
        found.append(("", _PAIRS))
        return AS_ASKED
    try:
        mapping = FeedMapping.model_validate({key: entry[key] for key in entry if key != "columns"})
    except ValidationError as error:
        found += _told(error, FeedMapping, "")
        mapping = AS_ASKED
    entries = entry.get("columns", {})
    if not isinstance(entries, dict):
        found.append((", columns", _PAIRS))
        return mapping
    declared = {column.name: column for column in feed.columns}
    columns: dict[str, ColumnMapping] = {}
    for name, how in entries.items():
        where = f", columns.{name}"
        if name not in declared:
            found.append((where, f"no such column of {feed.name}{_did_you_mean(name, declared)}"))
            continue
        try:
            columns[name] = ColumnMapping.model_validate(how)
        except ValidationError as error:
            found += _told(error, ColumnMapping, where)
        else:
            found += [(where, fault) for fault in _column_faults(feed, declared[name], columns[name])]
    return mapping.model_copy(update={"columns": columns})


def _told(error: ValidationError, record: type[BaseModel], where: str) -> Iterator[_Fault]:
    for item in error.errors(include_url=False):
        keys = [part for part in item["loc"] if isinstance(part, str)]
        place = where + "".join(f"{'.' if where or n else ', '}{key}" for n, key in enumerate(keys))
        if item["type"] == "extra_forbidden":
            known = shape_of(record if len(keys) == 1 else SignBy)
            yield place, f"no such key{_did_you_mean(keys[-1], known)}; known are {', '.join(known)}"
        elif item["type"] in ("model_type", "dict_type"):
            yield place, _PAIRS
        elif item["type"] in ("tuple_type", "string_type"):
            yield place, "a text or a list of texts is asked for here"
        elif item["type"] == "missing":
            yield place, "missing"
        elif item["type"] == "value_error":
            yield place, item["msg"].removeprefix("Value error, ")
        else:
            yield place, f"{item['msg']}, got {reprlib.repr(item['input'])[:_SHOWN]}"


def _column_faults(feed: Feed, column: FeedColumn, how: ColumnMapping) -> Iterator[str]:
    is_number = column.type in _NUMBERS
    if (how.plus or how.sign_by or how.inverted or how.unit) and not is_number:
        yield f"plus and minus, sign_by, inverted and unit are for numbers, this column is a {column.type}"
    if how.days_since and column.type not in ("date", "timestamp"):
        yield f"days_since is for dates, this column is a {column.type}"
    if how.sign_of:
        numbers = [other.name for other in feed.columns if other.type in _NUMBERS]
        if is_number:
            yield "a number cannot follow the sign of another column"
        elif how.sign_of not in numbers:
            yield f"sign_of names {how.sign_of}, which is no number of {feed.name}; numbers are {', '.join(numbers)}"
    for value in how.our_values:
        if value == "":
            if how.constant == "" and column.required:
                yield "every row needs a value here, so it cannot be left empty"
        elif column.choices and value not in column.choices:
            yield f"{value!r} is none of {', '.join(column.choices)}{_did_you_mean(value, column.choices)}"
        elif (not how.values or column.type == "boolean") and not _fits(column, value):
            yield f"{value!r} is no {column.type}; write {_EXAMPLES[column.type]}"


def _fits(column: FeedColumn, value: str) -> bool:
    form = _FORMS.get(column.type)
    if form is None:
        return True
    if not re.fullmatch(form, value):
        return False
    if column.type in ("date", "timestamp"):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
    return True


def _unreachable(mapping: FeedMapping, before: list[FeedMapping]) -> Iterator[_Fault]:
    if any(other.files in ("*", mapping.files) for other in before):
        yield ", files", f"an earlier mapping takes all that {mapping.files} fits; put it before that one"


def _did_you_mean(name: str, known: Any) -> str:
    near = get_close_matches(name.lower(), list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
