"""Write scores as hive-partitioned Parquet that any tool can read; each build is complete.

`published/portfolio_scores`, `contributions` and `score_changes` are links to their current builds; replacing a link
is the only step that readers notice. A partition that no run has rewritten since the last build is hard-linked into
the new one, not written again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote

import duckdb

from warehouse.sql import quoted

_MANIFEST = "_manifest.json"


@dataclass(frozen=True)
class Archive:
    """A table of scores that is published as Parquet: its link, the name of its files, and the order of their rows."""

    relation: str
    files: str
    order: str
    stamp: str = "scored_at"  # a column whose newest value changes when a run writes a partition again

    @property
    def link(self) -> str:
        """The name that readers open."""
        return self.relation.split(".")[1]


SCORES = Archive("scores.portfolio_scores", "scores", "model_role, enterprise_id")
CONTRIBUTIONS = Archive(
    "scores.contributions", "contributions", "model_role, model_family, enterprise_id, rank"
)
CHANGES = Archive(
    "scores.score_changes", "changes", "against_date, enterprise_id, part, feature", stamp="run_id"
)
ARCHIVES = (SCORES, CONTRIBUTIONS, CHANGES)


@dataclass(frozen=True)
class Build:
    """A finished build: its table and folder, and how many partitions were written or shared with the last build."""

    archive: Archive
    path: Path
    written: int
    kept: int


def build(con: duckdb.DuckDBPyConnection, folder: Path, archive: Archive, *, run_id: str) -> Build:
    """Write every partition of one table into a new build, sharing unchanged ones with the current build.

    A partition is unchanged if its fingerprint is: columns, number of rows, runs and newest stamp.
    """
    old_root = folder / archive.link
    old_fingerprints = _manifest(old_root)
    root = folder / f".{archive.files}-{run_id}-{secrets.token_hex(3)}"
    root.mkdir()
    shape = _shape(con, archive)
    fingerprints: dict[str, str] = {}
    written = 0
    for portfolio, as_of_date, fingerprint in partitions(con, f"wh.{archive.relation}", archive.stamp):
        name = f"portfolio={quote(portfolio, safe='')}/as_of_date={as_of_date}/{archive.files}.parquet"
        fingerprints[name] = hashlib.sha256(f"{shape}|{fingerprint}".encode()).hexdigest()
        (root / name).parent.mkdir(parents=True)
        if old_fingerprints.get(name) != fingerprints[name] or not _shared(old_root / name, root / name):
            _write(con, archive, root / name, portfolio=portfolio, as_of_date=as_of_date)
            written += 1
    (root / _MANIFEST).write_text(json.dumps(fingerprints, indent=1))
    return Build(archive=archive, path=root, written=written, kept=len(fingerprints) - written)


def partitions(con: duckdb.DuckDBPyConnection, relation: str, stamp: str) -> list[tuple[str, date, str]]:
    """Return portfolio, date and fingerprint of each partition of a table of scores, in order."""
    return con.execute(
        f"select portfolio, as_of_date, concat_ws('|', count(*), max({stamp}), "
        "string_agg(distinct run_id, ',' order by run_id)) "
        f"from {relation} group by portfolio, as_of_date order by portfolio, as_of_date"
    ).fetchall()


def swap(folder: Path, new: Build) -> None:
    """Point the link of a table to its new build in one step."""
    new_link = folder / f".link-{secrets.token_hex(3)}"
    new_link.symlink_to(new.path.name)
    new_link.replace(folder / new.archive.link)


def leftovers(folder: Path) -> list[Path]:
    """Return the builds that no link points to any more, and unfinished links.

    Called before a publish and when a process takes the lease, so that the build which the last publish replaced is
    removed by the next one that writes: a reader in the middle of a scan keeps its files until then.
    """
    links = [folder / archive.link for archive in ARCHIVES]
    current = {link.resolve().name for link in links if link.is_symlink()}
    builds = [path for archive in ARCHIVES for path in folder.glob(f".{archive.files}-*")]
    return [path for path in builds if path.name not in current] + list(folder.glob(".link-*"))


def _shape(con: duckdb.DuckDBPyConnection, archive: Archive) -> str:
    return str([row[:2] for row in con.execute(f"describe wh.{archive.relation}").fetchall()])


def _write(
    con: duckdb.DuckDBPyConnection, archive: Archive, path: Path, *, portfolio: str, as_of_date: date
) -> None:
    con.execute(
        f"copy (select * exclude (portfolio, as_of_date) from wh.{archive.relation} "
        f"where portfolio = $portfolio and as_of_date = $as_of_date order by {archive.order}) "
        f"to {quoted(path)} (format parquet, compression zstd)",
        {"portfolio": portfolio, "as_of_date": as_of_date},
    )


def _shared(old: Path, new: Path) -> bool:
    # a file system without hard links gets a fresh file instead
    try:
        os.link(old, new)
    except OSError:
        return False
    return True


def _manifest(root: Path) -> dict[str, str]:
    try:
        fingerprints: dict[str, str] = json.loads((root / _MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    return fingerprints
