"""Write scores as hive-partitioned Parquet that any tool can read; each build is complete.

`published/portfolio_scores`, `contributions`, `score_changes` and `pd_curves` are links to their current builds;
replacing a link is the only step that readers notice. A partition that no run has rewritten since the last build, and
whose file is still what the manifest says, is hard-linked into the new one, not written again. The new build begins as
the one before the last, which nobody reads any more and which has most of these links already: a folder made for each
night of a long history costs a publish more than anything else.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote, unquote

import duckdb

from warehouse import older_nights
from warehouse.publishing.manifest import FileState, Manifest, Seen, finished, read, state_of
from warehouse.sql import quoted

_NAME_LIMIT = 255  # bytes of a name on common file systems
_PARTITION = re.compile(r"^[^/]+/portfolio=([^/]+)/as_of_date=(\d{4,}-\d\d-\d\d)(?:/|$)")

log = logging.getLogger("nightledger")

Partitions = dict[tuple[str, date], str]
"""By portfolio and date, what changes when a run writes the partition again."""


@dataclass(frozen=True)
class Archive:
    """A table of scores that is published as Parquet: its link, the name of its files, and the order of their rows."""

    relation: str
    files: str
    order: str
    stamp: str = "max(scored_at), max(run_id)"  # aggregates that change when a run writes a partition again
    nights: int | None = (
        None  # how many of a portfolio's nights portfolio.duckdb holds; None = all. Parquet holds all
    )

    @property
    def link(self) -> str:
        """The name that readers open."""
        return self.relation.split(".")[1]


NIGHTS_IN_FILE = 10
SCORES = Archive("scores.portfolio_scores", "scores", "model_role, enterprise_id")
CONTRIBUTIONS = Archive(
    "scores.contributions",
    "contributions",
    "model_role, model_family, enterprise_id, rank",
    nights=NIGHTS_IN_FILE,
)
CHANGES = Archive(
    "scores.score_changes",
    "changes",
    "against_date, enterprise_id, part, feature",
    stamp="max(run_id)",
    nights=NIGHTS_IN_FILE,
)
CURVES = Archive("scores.pd_curves", "curves", "bucket, enterprise_id", nights=NIGHTS_IN_FILE)
ARCHIVES = (SCORES, CONTRIBUTIONS, CHANGES, CURVES)


@dataclass(frozen=True)
class Build:
    """A finished build: its table and folder, its files, how many were written, and what was wrong with old ones."""

    archive: Archive
    path: Path
    files: dict[str, FileState]
    written: int
    damaged: tuple[str, ...]

    @property
    def kept(self) -> int:
        """The number of files shared with the last build."""
        return len(self.files) - self.written

    def seen(self) -> dict[str, Seen]:
        """Return what each file is seen as now, so that the next publish knows whether somebody touched it."""
        return {path: Seen.of(self.path / path.removeprefix(f"{self.archive.link}/")) for path in self.files}


def build(
    con: duckdb.DuckDBPyConnection,
    root: Path,
    archive: Archive,
    *,
    stored: Partitions,
    known: Manifest | None,
    before: Path | None = None,
) -> Build:
    """Write every partition of one table into a new folder, sharing unchanged ones with the current build.

    A partition is unchanged if its fingerprint is (columns, number of rows, newest run and stamp). Where its file is
    not what the manifest says, it is written again: from the warehouse, or from the file that an older night was moved
    to. A portfolio whose name is too long for a folder is left out and told, so that all others are published.

    Args:
        con: a writer's cursor.
        root: the new folder, beside the link of the table.
        archive: the table.
        stored: what `partitions` returns of the table in the warehouse.
        known: manifest of the current build; None = nothing of it is taken over.
        before: the build before the current one, which becomes the new folder; None = it begins empty.
    """
    moved = older_nights.of_relation(con, archive.relation)
    wanted: dict[str, tuple[tuple[str, date], str]] = {}
    unnameable: set[str] = set()
    for night, stamp in sorted({**older_nights.stamps(moved), **stored}.items()):
        folder = f"portfolio={quote(night[0], safe='')}"
        if len(folder) > _NAME_LIMIT:
            unnameable.add(night[0])
        else:
            wanted[f"{folder}/as_of_date={night[1]}/{archive.files}.parquet"] = night, stamp
    if before is None:
        root.mkdir()
    else:
        before.rename(root)
        _remove_others(root, wanted)
    shape = _shape(con, archive)
    files: dict[str, FileState] = {}
    damaged: list[str] = []
    written = 0
    for name, (night, stamp) in wanted.items():
        path = f"{archive.link}/{name}"
        fingerprint = hashlib.sha256(f"{shape}|{stamp}".encode()).hexdigest()
        unchanged = [
            state for state in (known.states(path) if known else ()) if state.fingerprint == fingerprint
        ]
        if known is not None and unchanged:
            current = root.parent / path
            state = known.untouched(path, current) or state_of(current, fingerprint=fingerprint)
            if state in unchanged and state is not None and _shared(current, root / name):
                files[path] = state
                continue
            if fault := unchanged[-1].fault(state):
                damaged.append(f"{path} {fault}")
        (root / name).unlink(missing_ok=True)  # it may share its content with a file that is published
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if night in stored:
            write(con, archive, root / name, portfolio=night[0], as_of_date=night[1])
        elif fault := older_nights.copy(moved[night], root / name):
            log.warning("publish     %s is left out: %s", path, fault)
            continue
        files[path] = finished(root / name, fingerprint=fingerprint)
        written += 1
    for portfolio in sorted(unnameable):
        log.warning(
            "publish     %s of portfolio %s... is in portfolio.duckdb, not in Parquet: a name of %d letters is too "
            "long for a folder",
            archive.relation, portfolio[:20], len(portfolio),
        )  # fmt: skip
    return Build(archive=archive, path=root, files=files, written=written, damaged=tuple(damaged))


def partitions(con: duckdb.DuckDBPyConnection, relation: str, stamp: str) -> Partitions:
    """Return the stamp of each partition of a table that is written a night at a time, by portfolio and date."""
    rows = con.execute(
        f"select portfolio, as_of_date, concat_ws('|', count(*), {stamp}) "
        f"from {relation} group by portfolio, as_of_date"
    ).fetchall()
    return {(portfolio, as_of_date): text for portfolio, as_of_date, text in rows}


def newest(stored: Partitions, nights: int | None) -> Partitions:
    """Return the partitions of the last nights of each portfolio; None = of all nights."""
    if nights is None:
        return stored
    dates: dict[str, list[date]] = {}
    for portfolio, as_of_date in sorted(stored, reverse=True):
        dates.setdefault(portfolio, []).append(as_of_date)
    kept = {(portfolio, day) for portfolio, days in dates.items() for day in days[:nights]}
    return {night: stamp for night, stamp in stored.items() if night in kept}


def nights(paths: Iterable[str]) -> set[tuple[str, str]]:
    """Return portfolio and date of the scores that lie under paths below the published folder."""
    of_scores = (_PARTITION.match(path) for path in paths if path.startswith(f"{SCORES.link}/"))
    return {(unquote(match[1]), match[2]) for match in of_scores if match}


def swap(folder: Path, new: Build, *, new_link: Path) -> None:
    """Point the link of a table to its new build in one step."""
    link = folder / new.archive.link
    new_link.symlink_to(new.path.name)
    if link.is_dir() and not link.is_symlink():  # restored by a program that follows links
        link.rename(new.path.with_name(f"{new.path.name}-before"))
    new_link.replace(link)


def current_builds(folder: Path) -> set[str]:
    """Return the names of the builds that readers open now."""
    links = [folder / archive.link for archive in ARCHIVES]
    return {link.readlink().name for link in links if link.is_symlink()}


def leftovers(folder: Path, *, replaced: bool = False) -> list[Path]:
    """Return what a killed publish left: builds that nothing points to, unfinished links and manifests.

    The build that the last publish replaced is no leftover until the next one, which asks for it with `replaced`: a
    reader in the middle of a scan keeps its files until then.
    """
    known = None if replaced else read(folder)
    keep = current_builds(folder) | set(known.replaced if known else ())
    kinds = ("portfolio", "manifest", "link", *(archive.files for archive in ARCHIVES))
    return [path for kind in kinds for path in folder.glob(f".{kind}-*") if path.name not in keep]


def replaced(folder: Path, known: Manifest) -> dict[str, Path]:
    """Return the build of each table that the last publish replaced, by the link of the table, where it is there."""
    kept = set(known.replaced) - current_builds(folder)
    return {
        archive.link: path
        for archive in ARCHIVES
        for path in folder.glob(f".{archive.files}-*")
        if path.name in kept and path.is_dir()
    }


def create_views(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Let queries read every night of the tables of which the file holds the last nights only.

    They are views of the current Parquet builds, such as every_night.contributions. Beyond them, no query may read a
    file once external access is taken away.

    Args:
        con: a connection on which the published file is attached as wh.
        folder: folder of the published copy.
    """
    con.execute("attach ':memory:' as every_night")
    # DuckDB 1.5 would take the least and greatest of a column that only folders name from the file's statistics, which
    # lack it, and fail
    con.execute("set disabled_optimizers = 'statistics_propagation'")
    builds = []
    for archive in ARCHIVES:
        if archive.nights is None:
            continue
        build = (
            folder / archive.link
        ).resolve()  # readers keep it although a publish points the link elsewhere
        source = f"from wh.{archive.relation}"
        if next(build.glob("*/*/*.parquet"), None) is not None:
            builds.append(f"{build}/")
            source = (
                "select portfolio, as_of_date, * exclude (portfolio, as_of_date) "
                f"from read_parquet({quoted(build / '*/*/*.parquet')}, hive_partitioning = true, union_by_name = true, "
                "hive_types = {'portfolio': varchar, 'as_of_date': date})"
            )
        con.execute(f"create view every_night.{archive.link} as {source}")
    con.execute(f"set allowed_directories = [{', '.join(map(quoted, builds))}]")


def _shape(con: duckdb.DuckDBPyConnection, archive: Archive) -> str:
    return str([row[:2] for row in con.execute(f"describe wh.{archive.relation}").fetchall()])


def write(
    con: duckdb.DuckDBPyConnection, archive: Archive, path: Path, *, portfolio: str, as_of_date: date
) -> None:
    """Write one partition as Parquet, without the columns that its folder names."""
    con.execute(
        f"copy (select * exclude (portfolio, as_of_date) from wh.{archive.relation} "
        f"where portfolio = $portfolio and as_of_date = $as_of_date order by {archive.order}) "
        f"to {quoted(path)} (format parquet, compression zstd)",
        {"portfolio": portfolio, "as_of_date": as_of_date},
    )


def _shared(old: Path, new: Path) -> bool:
    """Let the new name stand for the old file, unless it does already; return whether it does."""
    # a file system without hard links gets a fresh file instead
    try:
        if new.exists():
            if new.samefile(old):
                return True
            new.unlink()
        new.parent.mkdir(parents=True, exist_ok=True)
        os.link(old, new)
    except OSError:
        return False
    return True


def _remove_others(root: Path, names: Container[str]) -> None:
    """Remove what a folder holds but the files of these names, and the folders that are left empty."""
    for path in sorted(root.rglob("*"), reverse=True):  # what a folder holds comes before it
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.is_symlink() or str(path.relative_to(root)) not in names:
            path.unlink()
