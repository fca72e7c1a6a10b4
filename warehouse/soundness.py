"""Read everything that the platform keeps and say what of it is sound: warehouse, published copy, models, ledgers.

Each part is judged by itself, so that damage in one does not hide the others. Nothing is mended here; each fault says
what does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb

from warehouse import blocks, connection, ledger_soundness, older_nights, registry, retention
from warehouse.blocks import NO_DAMAGE
from warehouse.errors import Refused
from warehouse.publishing import archive, manifest, version
from warehouse.publishing.manifest import Manifest
from warehouse.settings import settings

RESTORE = "restore a backup"
_PUBLISH = "python -m flows publish builds it again"


@dataclass(frozen=True)
class Part:
    """What was found in one part: its state, its figures, and a line for each fault."""

    name: str
    state: Literal["sound", "not sound", "not read"]
    summary: str
    faults: tuple[str, ...] = ()


def parts() -> tuple[Part, ...]:
    """Read all parts under the writer's lease and return what was found.

    While another process holds the warehouse, or where it cannot be opened, the other parts are read without it.
    """
    file = settings().warehouse_file
    if settings().catalogue is None and not file.exists():
        return _without_warehouse("not sound", f"{file} is not there; {RESTORE}, or run a first night")
    try:
        process = connection.holder()
    except Refused as refusal:
        return _without_warehouse("not sound", _line(refusal))
    if process:
        return _without_warehouse("not read", f"held by {process}; ask again when it has ended")
    with ExitStack() as stack:
        try:
            con = stack.enter_context(connection.writer(purpose="check"))
        except Refused as refusal:  # it says what to do
            return _without_warehouse("not sound", _line(refusal))
        except NO_DAMAGE:
            raise
        except duckdb.Error as error:
            return _without_warehouse("not sound", f"{_line(error)}; {RESTORE}")
        return (
            _judged("warehouse", lambda: warehouse(con)),
            _judged("published", lambda: published(con)),
            _judged("models", lambda: models(con)),
            _judged("ledger", lambda: ledger(con)),
            _judged("older", lambda: older(con)),
        )


def warehouse(con: duckdb.DuckDBPyConnection) -> Part:
    """Read every block of every table."""
    read = dict(blocks.read_tables(con))
    faults = [
        f"{name}: {_line(error)}; {RESTORE}"
        for name, error in read.items()
        if isinstance(error, duckdb.Error)
    ]
    rows = sum(count for count in read.values() if isinstance(count, int))
    figures = f"{len(read)} relations, {rows:,} rows, "
    return _part("warehouse", figures + ("every block read" if not faults else "of the others"), faults)


def published(con: duckdb.DuckDBPyConnection | None) -> Part:
    """Compare each published file with the manifest, and the nights of the copy with those of the warehouse."""
    if settings().catalogue is not None:
        return _published_version(con)
    folder = settings().published_dir
    known, damaged = _compared(folder)
    if known is None and not settings().published_file.exists():
        missing = _never_published(con)
        return _part("published", "nothing is published yet" if not missing else "the copy is gone", missing)
    if known is None:
        fault = f"{folder / manifest.NAME} is missing or cannot be read; {_PUBLISH}"
        return _part("published", "not compared with a manifest", [fault])
    faults = [
        f"{folder / path} {fault}; {'take it away' if path not in known.files else _PUBLISH}"
        for path, fault in damaged
    ]
    size = sum(states[-1].bytes for path in known.files if (states := known.states(path)))
    summary = f"{len(known.files)} files, {size / 2**20:.1f} MiB"
    if not faults:
        summary += ", as in the manifest"
    if con is None or manifest.DATABASE in dict(damaged):
        return _part("published", f"{summary}, not compared with the warehouse", faults)
    try:
        differing, behind = _against_warehouse(con)
    except NO_DAMAGE:
        raise
    except (Refused, duckdb.Error) as error:
        return _part("published", f"{summary}, not compared with the warehouse: {_line(error)}", faults)
    if behind:
        summary += f"; {behind} night{'' if behind == 1 else 's'} of the warehouse not published yet"
    return _part("published", summary, faults + differing)


def _published_version(con: duckdb.DuckDBPyConnection | None) -> Part:
    """Compare the nights of the published version of a lake with those of the newest."""
    if con is None:
        return Part("published", "not read", "it needs the warehouse")
    if not (found := version.last(con, "wh")) or found[0].version is None:
        return _part("published", "nothing is published yet", _never_published(con))
    differing, behind = _against_warehouse(con)
    summary = f"version {found[0].version} of the lake"
    if behind:
        summary += f"; {behind} night{'' if behind == 1 else 's'} not published yet"
    return _part("published", summary, differing)


def models(con: duckdb.DuckDBPyConnection | None) -> Part:
    """Compare the file of each registered model with the registry, that of the copy if there is no warehouse."""
    if con is None:
        with connection.reader() as copy:
            return models(copy)
    portfolios = con.execute("select distinct portfolio from wh.ops.model_registry order by all").fetchall()
    records = [record for (name,) in portfolios for record in registry.records(con, portfolio=name)]
    faults = []
    for record in records:
        try:
            registry.verify(record)
        except Refused as fault:
            faults.append(str(fault))
    files = len({record.artefact_path for record in records})
    return _part("models", f"{files} file{'' if files == 1 else 's'} of {len(records)} models", faults)


def ledger(con: duckdb.DuckDBPyConnection) -> Part:
    """Compare the ledgers of files and runs with the rows that they count."""
    faults = [*ledger_soundness.file_faults(con), *ledger_soundness.run_faults(con)]
    files, runs = ledger_soundness.counted(con)
    agree = "rows agree" if not faults else "rows do not agree"
    return _part("ledger", f"{files:,} files, {runs:,} runs: {agree}", faults)


def older(con: duckdb.DuckDBPyConnection) -> Part:
    """Compare each Parquet file of the older nights with what was moved there."""
    files = older_nights.every(con)
    if not files:
        return _part("older", "every night is in the warehouse", [])
    nights = len({(file.portfolio, file.as_of_date) for file in files})
    size = sum(file.bytes for file in files)
    summary = f"{len(files):,} files of {nights:,} older nights, {size / 2**20:.1f} MiB"
    return _part("older", summary, list(retention.faults(con)))


def _without_warehouse(state: Literal["not sound", "not read"], summary: str) -> tuple[Part, ...]:
    return (
        Part("warehouse", state, summary),
        _judged("published", lambda: published(None)),
        _judged("models", lambda: models(None)),
        Part("ledger", "not read", "it needs the warehouse"),
        Part("older", "not read", "it needs the warehouse"),
    )


def _judged(name: str, judge: Callable[[], Part]) -> Part:
    """Judge one part; an error while it is read is what there is to say of it."""
    try:
        return judge()
    except NO_DAMAGE:
        raise
    except (Refused, duckdb.Error, OSError) as error:
        return Part(name, "not read", _line(error))


def _part(name: str, summary: str, faults: list[str]) -> Part:
    return Part(name, "not sound" if faults else "sound", summary, tuple(faults))


def _compared(folder: Path) -> tuple[Manifest | None, list[tuple[str, str]]]:
    """Return the manifest and what differs from it; read again where a night published in the meantime."""
    while True:
        known = manifest.read(folder)
        damaged = [] if known is None else list(known.faults(folder))
        if not damaged or manifest.read(folder) == known:
            return known, damaged


_PUBLISHED_NIGHTS = f"""
select s.portfolio, s.as_of_date
from (select distinct portfolio, as_of_date, run_id from wh.{archive.SCORES.relation}) as s
left join wh.ops.run_ledger as r on s.run_id = r.run_id
group by s.portfolio, s.as_of_date
having coalesce(bool_and(r.status = 'published' or (r.status = 'done' and r.flow = 'nightly')), false)
"""


def _never_published(con: duckdb.DuckDBPyConnection | None) -> list[str]:
    nights = con.execute(_PUBLISHED_NIGHTS).fetchall() if con else []
    if not nights:
        return []
    return [f"{settings().published_file} is not there, but {len(nights)} nights were published; {_PUBLISH}"]


def _against_warehouse(con: duckdb.DuckDBPyConnection) -> tuple[list[str], int]:
    """Return a line for each night that the copy has otherwise than it was published, and how many are not yet."""
    must_agree = set(con.execute(_PUBLISHED_NIGHTS).fetchall())
    faults, behind = [], set()
    with connection.reader() as copy:
        for table in (archive.SCORES, archive.CONTRIBUTIONS):
            ours, theirs = (
                archive.partitions(cursor, f"wh.{table.relation}", table.stamp) for cursor in (con, copy)
            )
            moved = older_nights.of_relation(con, table.relation).keys() - ours.keys()
            for portfolio, day in sorted((ours.keys() | theirs.keys()) - moved):
                night = (portfolio, day)
                if night not in ours:
                    faults.append(
                        f"{table.relation} of {portfolio} on {day} is in the copy, not in the warehouse; "
                        f"{RESTORE}, or python -m flows publish --fewer"
                    )
                elif theirs.get(night) == ours[night] or _only_in_parquet(table, night, theirs):
                    continue
                elif night in must_agree:
                    faults.append(
                        f"{table.relation} of {portfolio} on {day} is not in the copy as in the warehouse; {_PUBLISH}"
                    )
                else:
                    behind.add(night)
    return faults, len(behind)


def _only_in_parquet(table: archive.Archive, night: tuple[str, date], in_file: archive.Partitions) -> bool:
    """Return True if a night is before those that the file of the copy holds of a table."""
    if table.nights is None:
        return False
    dates = [day for portfolio, day in in_file if portfolio == night[0]]
    return len(dates) >= table.nights and night[1] < min(dates)


def _line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
