"""Apply the migrations: each file of sql/ddl is applied once, whole, and never changes afterwards.

Migrations make the tables of ops and scores. Tables of raw and marts follow feeds and SQL files
(`warehouse.declared`) and are created later: a migration that touches one of them says `if exists`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse import sql
from warehouse.errors import Refused
from warehouse.settings import settings

# The migrations 0001 to 0017 were folded into fewer files that leave the same tables (docs/decisions/0063): a warehouse
# that has all seventeen, by their SHA-256 one after another, has these files too. The next migration is 0018.
FOLDED_UP_TO = 17
FOLDED = "8da36d89c817ad7fba428263521825db991b958cb8fa89f646af0164073970fe"

_NAME = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")


@dataclass(frozen=True)
class Migration:
    """One numbered file of sql/ddl."""

    number: int
    name: str
    sha256: str
    text: str
    path: Path


def files() -> tuple[Migration, ...]:
    """Return the migrations of this version of the platform, in order.

    Raises:
        Refused: when a name does not follow NNNN_name.sql or a number is used twice.
    """
    by_number: dict[int, Migration] = {}
    for path in sorted((sql.SQL_DIR / "ddl").glob("*.sql")):
        matched = _NAME.match(path.name)
        if matched is None:
            raise Refused(f"{path}: a migration is called NNNN_name.sql, in small letters; rename the file")
        number, text = int(matched[1]), path.read_text()
        if number in by_number:
            raise Refused(f"{path}: the number {number:04d} is already used by {by_number[number].path.name}")
        digest = hashlib.sha256(text.encode()).hexdigest()
        by_number[number] = Migration(number=number, name=matched[2], sha256=digest, text=text, path=path)
    return tuple(by_number[number] for number in sorted(by_number))


def pending(con: duckdb.DuckDBPyConnection) -> tuple[Migration, ...]:
    """Return the migrations that the attached catalogue `wh` lacks; nothing is changed.

    Raises:
        Refused: as `migrate`, but for a migration that fails.
    """
    declared = files()
    applied = _taken_over(_applied(con), declared)
    _check(applied, declared)
    return tuple(migration for migration in declared if migration.number not in applied)


def migrate(con: duckdb.DuckDBPyConnection) -> tuple[Migration, ...]:
    """Bring the attached catalogue `wh` to this version; each migration happens whole or not at all.

    Returns:
        The migrations that were applied now.

    Raises:
        Refused: when an applied file was changed, is missing, or a new one has a number below an applied one, and
            when the warehouse was left by a version before the last of the folded migrations.
    """
    fresh = pending(con)
    for migration in fresh:
        con.execute("begin transaction")
        try:
            for statement in con.extract_statements(migration.text):
                con.execute(statement)
            con.execute(
                "insert into wh.ops.migrations (number, name, sha256, applied_at) values (?, ?, ?, ?)",
                [migration.number, migration.name, migration.sha256, settings().local_now()],
            )
            con.execute("commit")
        except duckdb.Error as error:
            con.execute("rollback")
            raise Refused(f"{migration.path}: the migration failed and was rolled back: {error}") from error
    return fresh


def _applied(con: duckdb.DuckDBPyConnection) -> dict[int, tuple[str, str]]:
    table = con.execute(
        "select 1 from duckdb_tables() where database_name = 'wh' and schema_name = 'ops' "
        "and table_name = 'migrations'"
    ).fetchone()
    if table is None:
        return {}
    rows = con.execute("select number, name, sha256 from wh.ops.migrations").fetchall()
    return {number: (name, digest) for number, name, digest in rows}


def _taken_over(
    applied: dict[int, tuple[str, str]], declared: tuple[Migration, ...]
) -> dict[int, tuple[str, str]]:
    """Return the applied migrations, with today's files in place of those that were folded."""
    early = {number: stored for number, stored in applied.items() if number <= FOLDED_UP_TO}
    today = {
        migration.number: (migration.name, migration.sha256)
        for migration in declared
        if migration.number <= FOLDED_UP_TO
    }
    if hashlib.sha256("".join(early[number][1] for number in sorted(early)).encode()).hexdigest() == FOLDED:
        return {**today, **{number: applied[number] for number in applied if number not in early}}
    if any(today.get(number, ("", ""))[0] != name for number, (name, _) in early.items()):
        raise Refused(
            f"the warehouse is at migration {max(applied):04d}_{applied[max(applied)][0]} of an earlier version: "
            "open it once with the last version that has 0017_in_default (revision 0d96448), or use another "
            "NIGHTLEDGER_HOME"
        )
    return applied


def _check(applied: dict[int, tuple[str, str]], declared: tuple[Migration, ...]) -> None:
    by_number = {migration.number: migration for migration in declared}
    for number, (name, digest) in sorted(applied.items()):
        migration = by_number.get(number)
        if migration is None:
            raise Refused(
                f"the warehouse has migration {number:04d}_{name}, which this version lacks: it was written "
                "by a newer version; use that version or another NIGHTLEDGER_HOME"
            )
        if migration.sha256 != digest:
            raise Refused(
                f"{migration.path}: this migration was already applied with other content; restore the file "
                "and put the change into a new migration"
            )
    newest = max(applied, default=0)
    for migration in declared:
        if migration.number < newest and migration.number not in applied:
            raise Refused(
                f"{migration.path}: migrations only go forward and {newest:04d} is applied already; give the "
                "file the next number"
            )
