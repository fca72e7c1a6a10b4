"""Load one delivered file into raw rows, quarantined rows and one ledger row, in one transaction or not at all.

The identity delivered = loaded + quarantined + exact duplicates is checked before the commit, so that no row
can be lost between a file and the warehouse. A file is identified by its path below the landing folder and the
SHA-256 of its content and of what feeds.yaml says of it: the same content is loaded once, and other content or
another mapping under the same path replaces the rows that were loaded from that path before. A file with rows that
wait for their enterprise is read again after the enterprise was delivered.

A file that can be read may still be refused whole (`delivery_rules`). A refused file is tried again with every run,
and what was loaded from its path before stands.

Known limit: a row that was not loaded because another file had it already (an exact duplicate, or `key_repeated`)
is not loaded later when that other file is corrected and drops the row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb
from pydantic import BaseModel, ConfigDict

from warehouse.connection import transaction
from warehouse.errors import FileRefused
from warehouse.intake import delivery_rules, file_ledger, numbered_rows, scenario_sets, versions
from warehouse.intake.feed import Feed
from warehouse.intake.feeds import FEEDS
from warehouse.intake.file_ledger import FileRecord
from warehouse.intake.forms import column_name
from warehouse.intake.landing import LandingFile
from warehouse.intake.quarantine import quarantine
from warehouse.intake.row_rules import type_rows
from warehouse.intake.whole_files import fingerprint, whole_file
from warehouse.settings import settings


class IngestResult(BaseModel):
    """What became of one file; the counts are rows."""

    model_config = ConfigDict(frozen=True)

    path: str
    feed: str
    status: Literal["loaded", "already_loaded", "refused"]
    delivered: int = 0
    loaded: int = 0
    quarantined: int = 0
    exact_duplicates: int = 0
    superseded: int = 0
    replaced: bool = False
    message: str = ""


class RowsLostError(RuntimeError):
    """The rows of a file do not add up; nothing of it was committed."""


@dataclass(frozen=True)
class _Job:
    """A file to load, the record of what is loaded under its path now, and whether the ledger lacks this content."""

    file: LandingFile
    feed: Feed
    record: FileRecord
    before: FileRecord | None
    is_new: bool

    @property
    def corrects(self) -> FileRecord | None:
        """The file that this one replaces; None if there is none or the same content is read again."""
        return None if self.reads_again else self.before

    @property
    def reads_again(self) -> bool:
        """True if the same content is loaded under this path already."""
        return self.before is not None and self.before.file_hash == self.record.file_hash


def ingest_files(
    con: duckdb.DuckDBPyConnection, files: Sequence[LandingFile], *, portfolio: str, run_id: str
) -> Iterator[IngestResult]:
    """Load the files of one feed one by one, each whole or not at all; a refused one changes only its ledger row.

    Args:
        con: a writer's cursor with no open transaction.
        files: files of one feed from `list_landing`; enterprises have to be loaded before the feeds that name them.
        portfolio: the portfolio that the rows belong to.
        run_id: the run that loads.

    Raises:
        RowsLostError: when rows of a file do not add up; nothing of it is committed then.
    """
    feed = files[0].feed
    records = file_ledger.records(con, portfolio=portfolio, feed=feed)
    known: dict[str, list[FileRecord]] = {}
    for earlier in records:
        known.setdefault(earlier.path, []).append(earlier)
    awaited = file_ledger.awaited(con, portfolio=portfolio, feed=feed)
    versions.renew_hashes(con, FEEDS[feed])
    for file in files:
        record = FileRecord(
            portfolio=portfolio, feed=feed, path=file.path, mapping=file.mapping.as_json, run_id=run_id
        )
        yield _ingest(con, file, record, known=known.get(file.path, ()), awaited=file.path in awaited)
    _drop(con)


def ingest_file(
    con: duckdb.DuckDBPyConnection, file: LandingFile, *, portfolio: str, run_id: str
) -> IngestResult:
    """Load one file, as `ingest_files` does."""
    (result,) = ingest_files(con, [file], portfolio=portfolio, run_id=run_id)
    return result


def _ingest(
    con: duckdb.DuckDBPyConnection,
    file: LandingFile,
    record: FileRecord,
    *,
    known: Sequence[FileRecord],
    awaited: bool,
) -> IngestResult:
    before = next((earlier for earlier in known if earlier.status == "loaded"), None)
    try:
        file_hash, size = fingerprint(file.full)
        if record.mapping:  # the same content under another mapping holds other rows
            file_hash = hashlib.sha256(f"{file_hash}{record.mapping}".encode()).hexdigest()
        record = record.model_copy(update={"file_hash": file_hash, "bytes": size})
        is_new = file_hash not in {earlier.file_hash for earlier in known}
        job = _Job(file=file, feed=FEEDS[file.feed], record=record, before=before, is_new=is_new)
        if before and job.reads_again and not awaited:
            return _result(before, status="already_loaded", message="already loaded")
        return _load(con, job)
    except FileRefused as refusal:
        return _refuse(con, record, before=before, reason=str(refusal))
    except FileNotFoundError as error:
        if error.filename != str(file.full):
            raise
        return _refuse(con, record, before=before, reason="unreadable: the file went away while it was read")


def _drop(con: duckdb.DuckDBPyConnection) -> None:
    """Remove what was kept of the file that was read last."""
    numbered_rows.drop(con)
    names = ("intake_typed", "intake_known", "intake_strange", "intake_similar", *versions.TEMPORARY)
    con.execute("; ".join(f"drop table if exists temp.main.{name}" for name in names))


def _refuse(
    con: duckdb.DuckDBPyConnection, record: FileRecord, *, before: FileRecord | None, reason: str
) -> IngestResult:
    with transaction(con):
        file_ledger.write_refusal(con, record, before=before, reason=reason)
    return _result(record, status="refused", message=reason)


def _load(con: duckdb.DuckDBPyConnection, job: _Job) -> IngestResult:
    feed, portfolio = job.feed, job.record.portfolio
    stat_before = job.file.full.stat()
    file = whole_file(job.file.full, mapping=job.file.mapping)
    con.execute(
        "drop table if exists temp.main.intake_typed"
    )  # else two files would be held while this one is read
    delivered = numbered_rows.read(con, file, feed=feed)
    with numbered_rows.damage_refused(file):  # the values of a Parquet file are read only now
        faults = type_rows(
            con,
            feed,
            types=delivered.types,
            portfolio=portfolio,
            mapping=file.mapping,
            before=job.before,
        )
    brings_known_at = _brings_known_at(con, job, delivered)
    with transaction(con):
        versions.note_withdrawn(con, feed, before=job.before)
        _withdraw(con, job)
        if job.before:  # rows that stand without the withdrawn ones
            versions.order_versions(con, feed, portfolio=portfolio)
        repeats = versions.find_repeats(con, feed, delivered=list(delivered.types), portfolio=portfolio)
        superseded = versions.note_arriving(con, feed) if repeats else 0
        quarantined = quarantine(
            con,
            job.record,
            faults=faults,
            types=delivered.types,
            malformed=delivered.malformed,
            repeats=repeats,
        )
        if repeats:
            versions.order_arriving(con, feed)
        loaded = _insert(con, job, ordered=repeats)
        duplicates = _first_number(con, "select count(*) from intake_repeats where equal") if repeats else 0
        if delivered.rows != loaded + quarantined + duplicates:
            raise RowsLostError(
                f"{job.file.path}: {delivered.rows} rows delivered, but {loaded} loaded, {quarantined} "
                f"quarantined and {duplicates} exact duplicates; nothing was committed"
            )
        record = job.record.model_copy(
            update={
                "status": "loaded",
                "delivered": delivered.rows,
                "loaded": loaded,
                "quarantined": quarantined,
                "exact_duplicates": duplicates,
                "superseded": superseded,
                "brings_known_at": brings_known_at,
                "replaces": job.corrects.file_hash if job.corrects else None,
                "note": _note(con, job, delivered) or None,
            }
        )
        delivery_rules.refuse_unusable(con, record)
        if feed.name == "scenarios":
            scenario_sets.refuse_torn(con, record)
        file_ledger.write(con, record, is_new=job.is_new)
        stat_after = job.file.full.stat()
        if (stat_before.st_size, stat_before.st_mtime_ns) != (stat_after.st_size, stat_after.st_mtime_ns):
            raise FileRefused("unreadable: the file changed while it was read; run again when it is complete")
    return _result(record, status="loaded", replaced=job.corrects is not None, message=record.note or "")


def _brings_known_at(con: duckdb.DuckDBPyConnection, job: _Job, delivered: numbered_rows.Delivered) -> bool:
    """Return whether a row of the file has its own `known_at`; refuse the file if only its predecessors had."""
    row = con.execute("select bool_or(brings_known_at) from intake_typed").fetchone()
    without = row is not None and row[0] is False  # null: all rows are malformed, which is judged later
    if without and not job.reads_again:
        delivery_rules.refuse_lost_known_at(
            con,
            job.feed,
            portfolio=job.record.portfolio,
            empty_column="known_at" in delivered.types,
            left_out=delivered.extra,
        )
    return bool(row and row[0])


def _withdraw(con: duckdb.DuckDBPyConnection, job: _Job) -> None:
    """Remove all rows of the file that was loaded under this path before and mark its ledger row `replaced`."""
    if job.before is None:  # no row of a path is in quarantine unless a file is loaded under it
        return
    key = {"portfolio": job.record.portfolio, "path": job.file.path}
    con.execute("delete from wh.ops.quarantine where portfolio = $portfolio and path = $path", key)
    if job.before.loaded:  # else the rows of this content belong to a copy under another path
        con.execute(
            f"""delete from wh.raw.{job.feed.name}
                where portfolio = $portfolio and file_hash = $file_hash and run_id = $run_id""",
            job.before.model_dump(include={"portfolio", "file_hash", "run_id"}),
        )
    con.execute(
        """update wh.ops.file_ledger set status = 'replaced'
           where portfolio = $portfolio and path = $path and status = 'loaded'""",
        key,
    )


def _insert(con: duckdb.DuckDBPyConnection, job: _Job, *, ordered: bool) -> int:
    until, order = "null", ""
    if ordered:
        until, order = "o.until", "left join intake_order as o on n.file_row = o.file_row"
    return _first_number(
        con,
        f"""insert into wh.raw.{job.feed.name} by name
            select n.* exclude (fault, brings_known_at, is_repeat), {until} as known_to, $portfolio as portfolio,
                   $file_hash as file_hash, $run_id as run_id, $now as loaded_at
            from {versions.ARRIVING} as n {order}""",
        {
            **job.record.model_dump(include={"portfolio", "file_hash", "run_id"}),
            "now": settings().local_now(),
        },
    )


def _note(con: duckdb.DuckDBPyConnection, job: _Job, delivered: numbered_rows.Delivered) -> str:
    notes = []
    if job.corrects:
        notes.append(
            f"replaces {job.corrects.file_hash[:12]}, which had delivered {job.corrects.delivered} rows "
            f"({job.corrects.loaded} loaded, {job.corrects.quarantined} quarantined)"
        )
        if job.corrects.mapping != job.record.mapping:
            notes.append("feeds.yaml says something else of it now")
    elif job.before:
        notes.append("loaded again: rows had waited for an enterprise that has come since")
    if same_path := file_ledger.same_content(con, job.record):
        notes.append(f"same content as {same_path}")
    notes += delivered.notes
    if delivered.extra:
        left_out = ", ".join(map(column_name, delivered.extra))
        notes.append(f"columns left out, the feed does not know them: {left_out}")
    return "; ".join(notes)


def _result(
    record: FileRecord,
    *,
    status: Literal["loaded", "already_loaded", "refused"],
    message: str,
    replaced: bool = False,
) -> IngestResult:
    counts = record.model_dump(
        include={"path", "feed", "delivered", "loaded", "quarantined", "exact_duplicates"}
    )
    superseded = record.superseded or 0  # null for a file that was loaded before this was counted
    return IngestResult(**counts, superseded=superseded, status=status, replaced=replaced, message=message)


def _first_number(
    con: duckdb.DuckDBPyConnection, statement: str, parameters: dict[str, object] | None = None
) -> int:
    row = con.execute(statement, parameters or {}).fetchone()
    return int(row[0]) if row else 0
