"""Judge keys: refuse those that a program damaged, and those that differ from a known key only in their looks.

A key that a spreadsheet turned into a number, or with a letter that nobody sees, belongs to no one. A key that differs
from a known one only by case, white space, look-alike letters or leading zeros is the same borrower or loan in all
likelihood: as a new one it would be a ghost whose facts are missing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import duckdb

from warehouse.intake.feed import Feed
from warehouse.intake.file_ledger import FileRecord
from warehouse.sql import quoted

ARRIVES_WITH = {"enterprises": "enterprise_id", "loan_ledger": "loan_id"}
"""By feed, the key that its rows bring into the world; elsewhere that key only points to it."""

_SOUND = "[A-Za-z][ -~]*|[0-9]+"  # nearly every key, so that the other patterns are hardly ever tried
# control and format letters, spaces but for the plain one, fillers, variation selectors, the mark of broken text
_UNSEEN = (
    r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\x{a0}\x{34f}\x{115f}\x{1160}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}"
    r"\x{3164}\x{fe00}-\x{fe0f}\x{fffd}]"
)
# 1.23E+11 and 1E+11, 123.0, '00123, ="00123", ##### and #REF!
_BY_SPREADSHEET = (
    r"[+-]?\d+([.,]\d+[eE][+-]?\d+|[eE][+-]\d+|[.,]0+)|'\d+|=.*|#+|#(REF|VALUE|DIV/0|NUM|NULL)!|#NAME\?"
)
_LOOK_ALIKES = {
    **dict(
        zip(
            "АВЕЅІЈКМНОРСТУХҮԚԜаеѕіјорсухһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορχιϲ\u2010\u2011\u2012\u2013\u2014\u2212\u2019",
            "ABESIJKMHOPCTYXYQWaesijopcyxhqwABEZHIKMNOPTYXavopxic------'",
            strict=True,
        )
    ),
    **{chr(n + 0xFEE0): chr(n) for n in range(0x21, 0x7F)},  # full width
    "\u0131": "i",
}
# bold, superscript, digits of other alphabets
_STYLED = {
    letter: plain
    for letter in map(chr, range(0xAA, 0x1FBFA))
    if letter not in _LOOK_ALIKES
    and (plain := str(unicodedata.decimal(letter, "")) or unicodedata.normalize("NFKC", letter)) != letter
    and len(plain) == 1
    and "!" <= plain <= "~"
}


def _plain_letters(key: str, letters: dict[str, str]) -> str:
    """Return SQL of the key with these letters made plain; translating is dear, so only where it holds one."""
    found = f"regexp_matches({key}, {quoted('[' + ''.join(letters) + ']')})"
    return (
        f"case when {found} then translate({key}, {quoted(''.join(letters))}, {quoted(''.join(letters.values()))}) "
        f"else {key} end"
    )


LETTERS = "look-alike letters"
ZEROS = "leading zeros"
_FOLDS: dict[str, Callable[[str], str]] = {
    LETTERS: lambda key: (
        f"case when strlen({key}) = length({key}) then {key} "
        f"else strip_accents({_plain_letters(_plain_letters(key, _STYLED), _LOOK_ALIKES)}) end"
    ),
    "case": lambda key: f"lower({key})",
    "white space": lambda key: f"replace({key}, ' ', '')",
    ZEROS: lambda key: f"regexp_replace({key}, '(^|[^0-9])0+([0-9])', '\\1\\2', 'g')",
}


def key_columns(feed: Feed) -> tuple[str, ...]:
    """Return the columns whose text tells one borrower, loan or fact from another."""
    names = dict.fromkeys((*(("enterprise_id",) if feed.of_borrowers else ()), *feed.key))
    return tuple(name for name in names if feed.column(name).type == "varchar")


def is_sound(key: str) -> str:
    """Return SQL that is true if no program changed the key, as its letters alone show; of nearly every key they do."""
    return f"regexp_full_match({key}, '{_SOUND}')"


def is_damaged(key: str) -> str:
    """Return SQL that is true if a program changed the key."""
    return (
        f"case when not {is_sound(key)} then {_by_spreadsheet(key)} or regexp_matches({key}, '{_UNSEEN}') end"
    )


def damage(name: str, key: str, shown: str) -> str:
    """Return SQL of the sentence that explains a damaged key."""
    return f"""case when {_by_spreadsheet(key)}
        then 'The {name} ''' || {shown} || ''' is not the key but what a spreadsheet made of it.'
        else 'The {name} ''' || {shown} || ''' holds the unseen letter U+'
             || format('{{:04X}}', unicode(regexp_extract({key}, '{_UNSEEN}'))) || '.' end"""


def similar(what: str, name: str) -> str:
    """Return SQL of what `intake_similar` says of the key of a row `t`: `known` or `differs`; null if nothing."""
    return f"(select {what} from intake_similar where name = '{name}' and key = t.\"{name}\")"


def note_similar(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    *,
    portfolio: str,
    before: FileRecord | None,
    rules: dict[str, int],
) -> None:
    """Fill `intake_similar` (name, key, known, differs) with the new keys that resemble a known one.

    Faultless rows that bring such a key get the fault `similar_key`. Rows with the fault `unknown_enterprise` keep it;
    the table has what their sentence adds.

    Args:
        con: the cursor with `intake_typed`.
        feed: the feed of the file.
        portfolio: whose keys are known.
        before: the file that is loaded under the same path; its rows will be withdrawn, so they make no key known.
        rules: number of the fault by rule.
    """
    con.execute(
        "create or replace temp table intake_similar (name varchar, key varchar, known varchar, differs varchar)"
    )
    if "unknown_enterprise" in rules:
        rows = f"fault = {rules['unknown_enterprise']}"
        _compare(con, "enterprise_id", "enterprises", rows=rows, portfolio=portfolio, withdrawn=None)
    if feed.name in ARRIVES_WITH:
        name = ARRIVES_WITH[feed.name]
        withdrawn = before if before and before.loaded else None
        _compare(con, name, feed.name, rows="fault is null", portfolio=portfolio, withdrawn=withdrawn)
        con.execute(
            f"""update intake_typed set fault = {rules["similar_key"]}
                where fault is null and {name} in (select key from intake_similar where name = '{name}')"""
        )


def _compare(
    con: duckdb.DuckDBPyConnection,
    name: str,
    feed: str,
    *,
    rows: str,
    portfolio: str,
    withdrawn: FileRecord | None,
) -> None:
    """Compare the keys of these rows that nobody knows with those known and, where they are new, with one another."""
    if con.execute(f"select 1 from intake_typed where {rows} limit 1").fetchone() is None:
        return
    con.execute(
        f"""create or replace temp table intake_known as
            select distinct {name} as key from wh.raw.{feed}
            where portfolio = $portfolio
              and (file_hash is distinct from $file_hash or run_id is distinct from $run_id)""",
        {
            "portfolio": portfolio,
            "file_hash": withdrawn.file_hash if withdrawn else "",
            "run_id": withdrawn.run_id if withdrawn else "",
        },
    )
    con.execute(
        f"""create or replace temp table intake_strange as
            select {name} as key, min(file_row) as first_row
            from intake_typed anti join intake_known on {name} = key where {rows} group by all"""
    )
    looks = _looks_to_fold(con)
    if not looks:
        return
    # the first spelling in a file stands; a key that only points to a borrower is no borrower
    first = "first_value(key) over (partition by looks order by first_row)"
    # leading zeros are dear to find in all known keys; those that differ in more than zeros are left out before
    without_zeros = f"replace({_folded('key', looks, without=ZEROS)}, '0', '')"
    con.execute(
        f"""insert into intake_similar
            with strange as (select key, first_row, {_folded("key", looks)} as looks from intake_strange),
            standing as (
                select {_folded("key", looks)} as looks, min(key) as known from intake_known
                where {without_zeros} in (select replace(looks, '0', '') from strange) group by all
            ),
            pairs as (
                select key, coalesce(known, {first if rows == "fault is null" else "null"}) as known
                from strange left join standing using (looks)
            )
            select '{name}', key, known, {_differences("key", "known", looks)} from pairs where key <> known"""
    )


def _looks_to_fold(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the looks that keys can differ in: none where no key is strange, letters only where one is not ASCII."""
    not_ascii = "strlen(key) <> length(key)"
    row = con.execute(
        f"""select count(*) > 0, coalesce(bool_or({not_ascii}), false)
                   or exists (select 1 from intake_known where {not_ascii}) from intake_strange"""
    ).fetchone()
    any_strange, any_letter = row or (False, False)
    return [look for look in _FOLDS if any_strange and (any_letter or look != LETTERS)]


def _by_spreadsheet(key: str) -> str:
    return f"regexp_full_match({key}, {quoted(_BY_SPREADSHEET)})"


def _folded(key: str, looks: list[str], *, without: str = "") -> str:
    """Return SQL of what is left of the key when its looks are taken away, all but one."""
    for look in looks:
        if look != without:
            key = _FOLDS[look](key)
    return key


def _differences(key: str, known: str, looks: list[str]) -> str:
    """Return SQL that names the looks in which two keys differ."""
    named = ", ".join(
        f"case when {_folded(key, looks, without=look)} <> {_folded(known, looks, without=look)} then '{look}' end"
        for look in looks
    )
    joined = f"array_to_string(list_filter([{named}], lambda look: look is not null), ' and ')"
    return (
        f"coalesce(nullif({joined}, ''), '{LETTERS}')"  # two looks together, each of which seems to be none
    )
