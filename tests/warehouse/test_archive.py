"""The Parquet of every night: files are shared until they change, and a build begins as the one before the last."""

from __future__ import annotations

import os
from datetime import date, timedelta

import duckdb
import pytest

from warehouse import leftovers
from warehouse.connection import reader
from warehouse.publishing import archive, manifest, publish
from warehouse.settings import settings

NIGHT = date(2026, 6, 30)


def nights() -> list[tuple]:
    """Return portfolio, date, rows and highest PD of each published night."""
    pattern = settings().published_dir / "portfolio_scores" / "*" / "*" / "*.parquet"
    return duckdb.sql(
        "select portfolio, as_of_date, count(*), max(pd) "
        f"from read_parquet('{pattern}', hive_partitioning = true) group by all order by all"
    ).fetchall()


def faults() -> list[tuple[str, str]]:
    known = manifest.read(settings().published_dir)
    assert known is not None
    return list(known.faults(settings().published_dir))


def test_parquet_partitions_are_shared_until_they_change(portfolio):
    portfolio.name = "lender/ä b"
    portfolio.features()
    first = NIGHT - timedelta(days=1)
    portfolio.features(first)
    portfolio.score(portfolio.rows(0.1), first)
    portfolio.score(portfolio.rows(0.2), NIGHT)
    one = publish.publish(portfolio.con, "one")
    assert (one.partitions_written, one.partitions_kept) == (2, 0)
    assert nights() == [("lender/ä b", first, 5, 0.1), ("lender/ä b", NIGHT, 5, 0.2)]
    portfolio.score(portfolio.rows(0.3), NIGHT)
    two = publish.publish(portfolio.con, "two")
    assert (two.partitions_written, two.partitions_kept) == (1, 1)
    assert nights() == [("lender/ä b", first, 5, 0.1), ("lender/ä b", NIGHT, 5, 0.3)]
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patched:
        patched.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no hard links here")))
        for run, written in (("three", 1), ("four", 1), ("whole", 2)):
            portfolio.score(portfolio.rows(0.4), NIGHT)
            assert publish.publish(portfolio.con, run, whole=run == "whole").partitions_written == written
        assert publish.publish(portfolio.con, "five").partitions_written == 2
    assert nights() == [("lender/ä b", first, 5, 0.1), ("lender/ä b", NIGHT, 5, 0.4)]


def test_a_portfolio_with_a_name_too_long_for_a_folder_stops_no_other(two_nights, caplog):
    two_nights.name = "a" * 250
    two_nights.features()
    two_nights.score(two_nights.rows(0.3))
    publish.publish(two_nights.con, "next")
    (line,) = [record.getMessage() for record in caplog.records]
    assert "aaaaaaaaaaaaaaaaaaaa..." in line
    assert "a name of 250 letters is too long" in line
    with reader() as published:
        assert published.execute("select count(*) from scores.portfolio_scores").fetchone() == (15,)
    assert faults() == []


def test_what_a_reader_may_have_open_is_swept_by_the_next_publish_only(two_nights):
    folder = settings().published_dir
    first = archive.current_builds(folder)
    two_nights.score(two_nights.rows(0.2))
    publish.publish(two_nights.con, "next")
    (folder / ".scores-dead").mkdir()
    leftovers.sweep(folder)
    assert {path.name for path in folder.glob(".*")} == first | archive.current_builds(folder)
    publish.publish(two_nights.con, "third")
    assert not first & {path.name for path in folder.glob(".*")}


def test_a_build_begins_as_the_one_before_the_last_and_keeps_nothing_else_of_it(two_nights):
    folder = settings().published_dir
    (old,) = (path for path in folder.glob(".scores-*") if path.name in archive.current_builds(folder))
    inode = old.stat().st_ino
    two_nights.score(two_nights.rows(0.2))
    publish.publish(two_nights.con, "next")
    before = nights()
    one, two = sorted(old.glob("*/*/*.parquet"))
    (one.parent / "more.parquet").write_text("strange")
    (old / "portfolio=gone" / "as_of_date=2020-01-01").mkdir(parents=True)
    (old / "portfolio=gone" / "as_of_date=2020-01-01" / "scores.parquet").write_text("strange")
    (old / "portfolio=linked").symlink_to(one.parents[1].name)
    target = folder / "portfolio_scores" / two.relative_to(old)
    two.unlink()
    two.symlink_to(target)
    one.unlink()
    one.mkdir()
    (one / "in place of a file").write_text("strange")
    publish.publish(two_nights.con, "third")
    now = (folder / "portfolio_scores").resolve()
    assert now.stat().st_ino == inode
    assert not old.exists()
    assert sorted(map(str, now.rglob("*.parquet"))) == [
        str(now / path.relative_to(old)) for path in (one, two)
    ]
    assert not [path for path in now.rglob("*") if path.is_symlink() or "strange" in path.name]
    assert nights() == before
    assert faults() == []
