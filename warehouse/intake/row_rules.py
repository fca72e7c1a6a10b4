"""Type every delivered row and find the first rule that it breaks.

The rules, in this order: `malformed_row` (in `numbered_rows`), `wrong_type`, `missing_key`, `damaged_key`,
`not_allowed`, `no_share`, `no_category`, `known_before_fact`, `unknown_enterprise`, `similar_key`; `key_repeated`
compares rows with one another (in `versions`).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from warehouse.intake import forgotten, keys, versions
from warehouse.intake.amounts import NUMBER_TYPES
from warehouse.intake.feed import Feed, FeedColumn
from warehouse.intake.file_ledger import FileRecord
from warehouse.intake.forms import sql_form
from warehouse.intake.mapping import AS_ASKED, FeedMapping
from warehouse.intake.number_marks import refuse_other_marks
from warehouse.intake.values import is_plain, typed_rows
from warehouse.sql import quoted

_NO_CATEGORY = r"@|\d{7}"  # an address, or as many digits as a telephone or tax number has
_SHORTEST_NUMBER = 7
_BETWEEN_DIGITS = r"[^\d\p{L}@]+"  # taken out first: one pattern that allows for it costs 14 ms to compile
_FOUND_LATER = "false"  # once the other faults are known: see keys.note_similar


@dataclass(frozen=True)
class Fault:
    """One way in which a row can be wrong: the rule, and as SQL its condition and the sentence that explains it.

    Where a column is named, no text of it that `_is_sound` is wrong in this way.
    """

    rule: str
    broken: str
    detail: str
    column: str | None = None


def type_rows(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    *,
    types: dict[str, str],
    portfolio: str,
    mapping: FeedMapping = AS_ASKED,
    before: FileRecord | None = None,
) -> list[Fault]:
    """Fill `intake_typed` (file_row, typed columns, known_at, brings_known_at, key_hash, is_repeat, fault).

    `fault` indexes the result; `is_repeat` is false until the rows are compared with one another.

    Args:
        con: the cursor that read the file.
        feed: the feed of the file.
        types: the columns that the file has, with their types in the file.
        portfolio: whose enterprises the rows may name.
        mapping: how numbers, dates and times are written in the file.
        before: the file that is loaded under the same path, whose rows will be withdrawn.

    Raises:
        FileRefused: when the numbers of a column are written otherwise than the mapping says.
    """
    plain, sound = _plain_and_sound(con, feed, types=types, mapping=mapping)
    if any(column.type in NUMBER_TYPES and column.name not in plain for column in feed.columns):
        refuse_other_marks(con, feed, types=types, mapping=mapping)
    faults = _faults(feed, types)
    flags = ", ".join(f'"has_{name}"' for name in types)
    borrower = (
        "left join known as k on t.enterprise_id = k.known_enterprise" if _names_borrowers(feed) else ""
    )
    cases = " ".join(
        f"when {fault.broken} then {number}"
        for number, fault in enumerate(faults)
        if fault.column not in sound and fault.broken != _FOUND_LATER
    )
    con.execute(
        f"""create or replace temp table intake_typed as
            with {typed_rows(feed, types, mapping, plain=plain)},
            known as (
                select distinct enterprise_id as known_enterprise
                from wh.raw.enterprises where portfolio = $portfolio
            )
            select t.* exclude (delivered_at, {flags}),
                   coalesce(t.delivered_at, cast(t."{feed.business_time}" as timestamp)) as known_at,
                   {'t."has_known_at"' if "known_at" in types else "false"} as brings_known_at,
                   {versions.key_hash(feed, "t")} as key_hash, false as is_repeat,
                   cast(case {cases} end as utinyint) as fault
            from typed as t {borrower}""",
        {"portfolio": portfolio},
    )
    forgotten.leave_out(con, feed, portfolio=portfolio)
    rules = {fault.rule: number for number, fault in enumerate(faults)}
    keys.note_similar(con, feed, portfolio=portfolio, before=before, rules=rules)
    return faults


def shown(feed: Feed, name: str) -> str:
    """Return SQL of a delivered value as a sentence may quote it: its form, and masked if it is personal."""
    return "'***'" if name in feed.hidden else sql_form(f"cast(r.{_q(name)} as varchar)")


def _plain_and_sound(
    con: duckdb.DuckDBPyConnection, feed: Feed, *, types: dict[str, str], mapping: FeedMapping
) -> tuple[set[str], set[str]]:
    """Return the columns of text that are read without cleaning, and those among them whose texts have no fault.

    All rows are asked at once, and the columns of nearly every file are both: few patterns are left to compile.
    """
    texts = [column for column in feed.columns if types.get(column.name) == "VARCHAR"]
    if not texts:
        return set(), set()
    questions = [(column, is_plain(column, mapping)) for column in texts]
    questions += [(column, _is_sound(feed, column)) for column in texts]
    answers = [
        f"coalesce(bool_and({condition}) filter ({_q(column.name)} is not null), true)"
        for column, condition in questions
    ]
    row = con.execute(f"select {', '.join(answers)} from intake_rows").fetchone() or ()
    plain = {column.name for column, answer in zip(texts, row[: len(texts)], strict=True) if answer}
    sound = {column.name for column, answer in zip(texts, row[len(texts) :], strict=True) if answer}
    return plain, plain & sound


def _is_sound(feed: Feed, column: FeedColumn) -> str:
    """Return SQL that is true for a plain text without a fault of its column, as far as a glance tells."""
    text, conditions = _q(column.name), ["true"]
    if column.name in keys.key_columns(feed):
        conditions.append(keys.is_sound(text))
    if column.category:
        few_digits = f"strlen({text}) < {_SHORTEST_NUMBER} or not regexp_matches({text}, '[0-9]')"
        conditions.append(f"not contains({text}, '@') and ({few_digits})")
    return " and ".join(conditions)


def _names_borrowers(feed: Feed) -> bool:
    """Return True if the rows name borrowers that another feed brings."""
    return feed.of_borrowers and feed.name != "enterprises"


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
    for name in keys.key_columns(feed):
        key = f"t.{_q(name)}"
        faults.append(
            Fault("damaged_key", keys.is_damaged(key), keys.damage(name, key, shown(feed, name)), name)
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
                    column.name,
                )
            )
    faults.extend(
        Fault(
            "no_share",
            f"not (t.{_q(column.name)} between 0 and 1)",
            f"'The column {column.name} holds ''' || {shown(feed, column.name)} || ''', which is no share; deliver a "
            "number from 0 to 1.'",
        )
        for column in feed.columns
        if column.share
    )
    faults.extend(
        Fault(
            "no_category",
            _is_no_category(f"t.{_q(column.name)}"),
            f"'The column {column.name} holds ''' || {shown(feed, column.name)} || ''', a number or address that may "
            "be personal; it is published as it is, deliver a category.'",
            column.name,
        )
        for column in feed.columns
        if column.category
    )
    business_time = feed.business_time
    if "known_at" in types:
        faults.append(
            Fault(
                "known_before_fact",
                f"cast(t.delivered_at as date) < cast(t.{_q(business_time)} as date)",
                f"'The row was known on ' || cast(t.known_at as date) || ', before {business_time} ' || "
                f"cast(t.{_q(business_time)} as date) || '.'",
            )
        )
    if _names_borrowers(feed):
        name = "enterprise_id"
        faults.append(
            Fault(
                "unknown_enterprise",
                "k.known_enterprise is null",
                f"'No enterprise ''' || {shown(feed, name)} || ''' was delivered' || "
                f"coalesce({_resembles(name, '; it differs from the known')}, ' for this portfolio.')",
            )
        )
    if feed.name in keys.ARRIVES_WITH:
        name = keys.ARRIVES_WITH[feed.name]
        faults.append(
            Fault(
                "similar_key",
                _FOUND_LATER,
                f"'The {name} ''' || {shown(feed, name)} || '''' || "
                f"{_resembles(name, ' differs from the known key')}",
            )
        )
    return faults


def _is_no_category(text: str) -> str:
    """Return SQL that is true if the text holds an address or a number, whatever stands between its digits."""
    bare = f"regexp_replace({text}, '{_BETWEEN_DIGITS}', '', 'g')"
    return f"regexp_matches({bare}, '{_NO_CATEGORY}')"


def _resembles(name: str, words: str) -> str:
    known, differs = keys.similar("known", name), keys.similar("differs", name)
    if name != "enterprise_id":  # the one key that scores name in the open
        known = sql_form(known)
    return f"'{words} ''' || {known} || ''' only by ' || {differs} || '.'"


def _q(name: str) -> str:
    return f'"{name}"'
