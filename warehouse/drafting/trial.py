"""Load an export into an empty warehouse in memory, to see what would load with a mapping and what would not."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from warehouse import declared
from warehouse.connection import connect
from warehouse.errors import FileRefused
from warehouse.intake import numbered_rows
from warehouse.intake.feed import Feed
from warehouse.intake.feeds_yaml import Mappings, mapping_of
from warehouse.intake.ingest import IngestResult, ingest_file
from warehouse.intake.landing import LandingFile
from warehouse.intake.whole_files import whole_file
from warehouse.settings import settings

_FAULTS = 3
_PORTFOLIO = "draft"


@dataclass(frozen=True)
class Trial:
    """What became of the file in an empty warehouse in which all its borrowers were known.

    Attributes:
        result: Counts of rows, or why the file is refused.
        sums: Sum of each money column of the rows that loaded.
        first: First business time that loaded.
        last: Last business time that loaded.
        borrowers: How many borrowers the loaded rows name.
        notes: What the mapping leaves out.
        faults: The first rows that did not load: number of the row and why.
    """

    result: IngestResult
    sums: dict[str, str]
    first: datetime | None
    last: datetime | None
    borrowers: int
    notes: tuple[str, ...]
    faults: tuple[tuple[int, str], ...]


def try_out(file: Path, feed: Feed, mappings: Mappings) -> Trial:
    """Load the file with the real reader and the real rules; nothing is kept.

    The borrowers of the file are taken as known, since the draft of a mapping comes before their profiles.
    """
    path = PurePosixPath(feed.name, file.name)
    landed = LandingFile(feed=feed.name, path=str(path), full=file, mapping=mapping_of(mappings, path))
    with closing(connect(settings())) as con:
        con.execute("attach ':memory:' as wh")
        declared.create(con)
        notes: tuple[str, ...] = ()
        try:
            notes = numbered_rows.read(con, whole_file(file, mapping=landed.mapping), feed=feed).notes
        except FileRefused:
            pass  # the result below tells it
        else:
            if feed.of_borrowers and feed.name != "enterprises":
                con.execute(
                    """insert into wh.raw.enterprises (enterprise_id, valid_from, known_at, portfolio)
                       select distinct trim(cast(enterprise_id as varchar)), date '1900-01-01', timestamp '1900-01-01',
                              $portfolio
                       from intake_rows where enterprise_id is not null""",
                    {"portfolio": _PORTFOLIO},
                )
        result = ingest_file(con, landed, portfolio=_PORTFOLIO, run_id="draft")
        money = [column.name for column in feed.columns if column.type == "decimal(18,2)"]
        time = feed.business_time
        sums = "".join(f", sum({name})" for name in money)
        borrowers = "count(distinct enterprise_id)" if feed.of_borrowers else "0"
        totals = con.execute(
            f"""select {borrowers}, min({time}), max({time}){sums}
                from wh.raw.{feed.name} where file_hash is not null"""
        ).fetchone() or (0, None, None)
        faults = con.execute(
            f"select file_row, detail from wh.ops.quarantine order by file_row limit {_FAULTS}"
        ).fetchall()
    return Trial(
        result=result,
        sums={name: str(total) for name, total in zip(money, totals[3:], strict=False) if total is not None},
        first=totals[1],
        last=totals[2],
        borrowers=totals[0],
        notes=notes,
        faults=tuple((row[0], row[1]) for row in faults),
    )
