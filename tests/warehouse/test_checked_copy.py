"""What is taken over from the last published copy is checked; whatever goes wrong leaves a whole, sound copy."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from warehouse import ledger, leftovers
from warehouse.connection import reader
from warehouse.errors import Refused
from warehouse.publishing import archive, manifest, publish, published_copy
from warehouse.settings import settings

NIGHT = date(2026, 6, 30)
BEFORE = NIGHT - timedelta(days=1)
FIRST = f"portfolio_scores/portfolio=lender/as_of_date={BEFORE}/scores.parquet"


def nights_of(folder: Path) -> tuple[list[tuple], list[tuple]]:
    """Return date, rows and highest PD of each night, as the file and as Parquet have them."""
    nights = "select as_of_date, count(*), max(pd) from {} group by all order by all"
    with duckdb.connect(str(folder / "portfolio.duckdb"), read_only=True) as con:
        in_file = con.execute(nights.format("scores.portfolio_scores")).fetchall()
    scan = f"read_parquet('{folder}/portfolio_scores/*/*/*.parquet', hive_partitioning = true)"
    return in_file, duckdb.sql(nights.format(scan)).fetchall()


def faults(folder: Path) -> list[tuple[str, str]]:
    known = manifest.read(folder)
    assert known is not None
    return list(known.faults(folder))


def builds(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(".*"))


def flip_a_byte(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    path.unlink()  # the build before shares the file
    path.write_bytes(content)


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


def test_the_manifest_names_every_published_file(two_nights):
    folder = settings().published_dir
    known = manifest.read(folder)
    parquet = [str(path.relative_to(folder)) for path in (folder / "portfolio_scores").rglob("*.parquet")]
    assert sorted(known.files) == sorted([*parquet, "portfolio.duckdb"])
    assert len(parquet) == 2
    for path, states in known.files.items():
        checked = subprocess.run(["sha256sum", folder / path], capture_output=True, text=True, check=True)
        assert [state.sha256 for state in states] == [checked.stdout.split()[0].lstrip("\\")]
        assert [state.bytes for state in states] == [(folder / path).stat().st_size]
    assert faults(folder) == []


@pytest.mark.parametrize(
    ("path", "damage", "told"),
    [
        (FIRST, cut, "the manifest says"),
        (FIRST, lambda path: flip_a_byte(path, 0.5), "has SHA-256"),
        (FIRST, Path.unlink, "is missing"),
        (FIRST, lambda path: path.write_bytes(b""), "has 0 bytes"),
        ("portfolio.duckdb", lambda path: flip_a_byte(path, 0.6), "has SHA-256"),
        ("portfolio.duckdb", cut, "the manifest says"),
        ("portfolio.duckdb", Path.unlink, "is missing"),
    ],
)
def test_a_damaged_file_is_written_again_and_told(two_nights, caplog, path, damage, told):
    folder = settings().published_dir
    whole = nights_of(folder)
    damage(folder / path)
    assert [fault_path for fault_path, _ in faults(folder)] == [path]
    published = publish.publish(two_nights.con, "next")
    (line,) = [record.getMessage() for record in caplog.records]
    assert path in line
    assert told in line
    assert "built again" in line
    assert nights_of(folder) == whole
    assert faults(folder) == []
    assert published.partitions_written == (1 if path == FIRST else 0)
    caplog.clear()
    assert publish.publish(two_nights.con, "calm").partitions_kept == 2
    assert caplog.records == []


def flip_silently(path: Path, place: float) -> None:
    """Flip a byte as a disk does it: neither the time nor the inode of the file changes."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_byte_that_flips_by_itself_is_found_in_its_turn_by_check_at_once(two_nights, caplog, monkeypatch):
    monkeypatch.setattr(manifest, "TURNS", 3)
    folder = settings().published_dir
    whole = nights_of(folder)
    flip_silently(folder / FIRST, 0.5)
    assert [path for path, _ in faults(folder)] == [FIRST]
    written = [publish.publish(two_nights.con, f"run{number}").partitions_written for number in range(3)]
    assert sorted(written) == [0, 0, 1]
    (line,) = [record.getMessage() for record in caplog.records]
    assert f"damaged: {FIRST} has SHA-256" in line
    assert nights_of(folder) == whole
    assert faults(folder) == []


def test_the_duckdb_file_is_read_whole_by_every_publish(two_nights, caplog):
    folder = settings().published_dir
    flip_silently(folder / "portfolio.duckdb", 0.6)
    publish.publish(two_nights.con, "next")
    assert "damaged: portfolio.duckdb has SHA-256" in caplog.text
    assert nights_of(folder)[0] == nights_of(folder)[1]


def test_each_publish_reads_its_share_and_no_file_goes_unread(two_nights, monkeypatch):
    for days in range(2, 9):
        two_nights.features(NIGHT - timedelta(days=days))
        two_nights.score(as_of_date=NIGHT - timedelta(days=days))
    publish.publish(two_nights.con, "run")
    monkeypatch.setattr(manifest, "TURNS", 3)
    folder, read = settings().published_dir, []
    real = archive.state_of

    def state_of(path, **more):
        read.append(str(path.relative_to(folder)))
        return real(path, **more)

    monkeypatch.setattr(archive, "state_of", state_of)
    shares = []
    for number in range(3):
        assert publish.publish(two_nights.con, f"run{number}").partitions_kept == 9
        shares.append(set(read))
        read.clear()
    parquet = {str(path.relative_to(folder)) for path in (folder / "portfolio_scores").rglob("*.parquet")}
    assert sum(map(len, shares)) == len(parquet) == 9
    assert set().union(*shares) == parquet
    (folder / FIRST).touch()
    publish.publish(two_nights.con, "touched")
    assert FIRST in read


def test_after_a_publish_that_was_killed_all_files_are_read(two_nights):
    known = manifest.read(settings().published_dir)
    assert set(known.seen) == {path for path in known.files if path != "portfolio.duckdb"}
    assert known.until(known).seen == {}


def test_many_damaged_files_are_told_in_a_few_lines(two_nights, caplog):
    for days in range(2, 9):
        two_nights.features(NIGHT - timedelta(days=days))
        two_nights.score(as_of_date=NIGHT - timedelta(days=days))
    publish.publish(two_nights.con, "run")
    for path in (settings().published_dir / "portfolio_scores").rglob("*.parquet"):
        cut(path)
    publish.publish(two_nights.con, "next")
    assert len(caplog.records) == 6
    assert caplog.records[-1].getMessage().endswith("and 4 more damaged files are built again")
    assert faults(settings().published_dir) == []


def test_damage_that_the_manifest_does_not_know_of_is_not_built_on(two_nights, caplog):
    folder = settings().published_dir
    (folder / "portfolio.duckdb").write_bytes(b"not a database" * 1000)
    blessed = manifest.read(folder)
    states = {"portfolio.duckdb": (manifest.state_of(folder / "portfolio.duckdb"),)}
    manifest.write(
        folder,
        blessed.model_copy(update={"files": {**blessed.files, **states}}),
        build=folder / ".manifest-x",
    )
    publish.publish(two_nights.con, "next")
    assert "building on the last copy failed" in caplog.text
    assert nights_of(folder)[0] == nights_of(folder)[1]


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"files": {"a": [{"bytes": 1}]}}', b"\xff\x00"])
def test_without_a_manifest_all_is_built_again(two_nights, caplog, content):
    folder = settings().published_dir
    file = folder / "manifest.json"
    file.unlink() if content is None else file.write_bytes(content)
    cut(folder / FIRST)
    flip_a_byte(folder / "portfolio.duckdb", 0.6)
    assert publish.publish(two_nights.con, "next").partitions_written == 2
    assert ["no manifest" in record.getMessage() for record in caplog.records] == [True]
    assert faults(folder) == []
    assert nights_of(folder)[0] == nights_of(folder)[1]


def test_whole_takes_nothing_over(two_nights, monkeypatch):
    # a fingerprint does not see an edit by hand
    two_nights.con.execute("update wh.scores.portfolio_scores set pd = 0.7 where pd is not null")
    assert publish.publish(two_nights.con, "next").partitions_kept == 2
    assert {night[2] for night in nights_of(settings().published_dir)[1]} == {0.1}
    assert publish.publish(two_nights.con, "whole", whole=True).partitions_written == 2
    for nights in nights_of(settings().published_dir):
        assert {night[2] for night in nights} == {0.7}


def test_a_copy_restored_with_folders_in_place_of_links_is_replaced(two_nights):
    folder = settings().published_dir
    link = folder / "portfolio_scores"
    shutil.copytree(link, folder / "copied")
    link.unlink()
    (folder / "copied").rename(link)
    assert faults(folder) == []
    publish.publish(two_nights.con, "next")
    assert link.is_symlink()
    assert faults(folder) == []
    assert nights_of(folder)[0] == nights_of(folder)[1]


# -- killed or failing between two steps

STEPS = [
    (Path, "replace"),
    (Path, "symlink_to"),
    (Path, "write_text"),
    (os, "link"),
    (manifest, "flush"),
    (manifest, "copied"),
    (archive, "write"),
    (published_copy, "_renew_history"),
    (ledger, "mark_published"),
]


def before_each_step(patch: pytest.MonkeyPatch, act) -> None:
    """Let `act` be called with its number before each step that publishing takes on the disk."""
    counted = iter(range(10_000))

    def watched(real):
        def step(*given, **named):
            act(next(counted))
            return real(*given, **named)

        return step

    for owner, name in STEPS:
        patch.setattr(owner, name, watched(getattr(owner, name)))


@pytest.mark.parametrize("first", [True, False], ids=["the first copy", "a later copy"])
def test_a_publish_killed_before_any_step_leaves_a_sound_and_whole_night(
    portfolio, tmp_path, monkeypatch, first
):
    """The folder is copied before each step: that is what a kill at this moment would leave."""
    folder = settings().published_dir
    portfolio.score(portfolio.rows(0.1))
    if not first:
        publish.publish(portfolio.con, "run")
        portfolio.features(BEFORE)
        portfolio.score(portfolio.rows(0.1), BEFORE)
        portfolio.score(portfolio.rows(0.2))
    left: list[Path] = []

    def keep(number: int) -> None:
        left.append(tmp_path / f"killed-{number}")
        subprocess.run(["cp", "-a", folder, left[-1]], check=True)

    with monkeypatch.context() as patch:
        before_each_step(patch, keep)
        publish.publish(portfolio.con, "next")
    old = [] if first else [(NIGHT, 5, 0.1)]
    new = [(NIGHT, 5, 0.1)] if first else [(BEFORE, 5, 0.1), (NIGHT, 5, 0.2)]
    assert nights_of(folder) == (new, new)
    assert len(left) > 12
    swapped = [0, 0]
    for state in left:
        if not (state / "portfolio.duckdb").exists():
            assert first
            continue
        assert faults(state) == [], state.name
        if first and not (state / "portfolio_scores").exists():
            continue  # the file came first
        for number, nights in enumerate(nights_of(state)):
            assert nights in (old, new)
            swapped[number] += nights == new
        leftovers.sweep(state)
        assert faults(state) == []
        assert not [name for name in builds(state) if name.startswith((".portfolio", ".link", ".manifest"))]
    assert 0 < swapped[1] <= swapped[0] < len(left)


def test_a_publish_that_fails_at_any_step_leaves_a_sound_copy_and_no_leftover(portfolio, monkeypatch):
    folder = settings().published_dir
    portfolio.score(portfolio.rows(0.1))
    publish.publish(portfolio.con, "run")
    publish.publish(portfolio.con, "run")
    last, most = nights_of(folder), len(builds(folder))
    portfolio.score(portfolio.rows(0.2))
    failed, reached = 0, True
    for number in range(100):
        reached = False

        def fail(step: int, fatal: int = number) -> None:
            nonlocal reached
            if step == fatal:
                reached = True
                raise (
                    duckdb.IOException("full")
                    if step % 2
                    else OSError(errno.ENOSPC, "No space left on device")
                )

        try:
            with monkeypatch.context() as patch:
                before_each_step(patch, fail)
                publish.publish(portfolio.con, f"try{number}")
        except (OSError, duckdb.IOException):
            failed += 1
        if not reached:
            break
        assert faults(folder) == []
        night = nights_of(folder)
        assert night == last or night[0] == [(NIGHT, 5, 0.2)]
        kinds = {name.split("-")[0] for name in builds(folder)}
        assert kinds <= {".scores", ".contributions", ".changes", ".curves"}
        assert len(builds(folder)) <= most
        last = night
    assert not reached
    assert failed > 12
    assert nights_of(folder) == ([(NIGHT, 5, 0.2)], [(NIGHT, 5, 0.2)])


@pytest.fixture
def small_disk(home: Path):
    """A published folder on a disk of 40 MB of its own."""
    folder = home / "published"
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_leaves_the_old_copy_and_publishing_works_once_there_is_room(small_disk, portfolio):
    portfolio.score(portfolio.rows(0.1))
    publish.publish(portfolio.con, "run")
    portfolio.con.execute(
        "insert into wh.ops.alerts by name select random()::varchar || random()::varchar as message "
        "from range(100000)"
    )
    portfolio.score(portfolio.rows(0.2))
    filler = small_disk / ".filler"
    failed = 0
    for megabytes in (0, 1, 2, 4, 6, 8):
        disk = os.statvfs(small_disk)
        filler.write_bytes(bytes(max(0, disk.f_bavail * disk.f_frsize - megabytes * 2**20)))
        used = sorted(builds(small_disk))
        try:
            publish.publish(portfolio.con, "run")
        except (OSError, duckdb.Error):
            failed += 1
            assert sorted(builds(small_disk)) == used
            assert nights_of(small_disk) == ([(NIGHT, 5, 0.1)], [(NIGHT, 5, 0.1)])
            assert faults(small_disk) == []
            with reader() as published:
                assert published.execute("select count(*) from scores.portfolio_scores").fetchone() == (5,)
        filler.unlink()
    assert failed >= 3
    publish.publish(portfolio.con, "run")
    assert nights_of(small_disk) == ([(NIGHT, 5, 0.2)], [(NIGHT, 5, 0.2)])


# -- fewer nights


@pytest.mark.parametrize(
    ("lose", "told"),
    [
        ("as_of_date = '2026-06-29'", "1 night that the warehouse does not hold (2026-06-29 of lender)"),
        ("true", "2 nights that the warehouse does not hold (2026-06-29 of lender to 2026-06-30 of lender)"),
    ],
)
@pytest.mark.parametrize("gone", [(), ("manifest.json",), ("manifest.json", "portfolio_scores")], ids=str)
def test_fewer_nights_are_not_published_unless_that_is_meant(two_nights, caplog, lose, told, gone):
    folder = settings().published_dir
    for name in gone:
        (folder / name).unlink()
    two_nights.con.execute(f"delete from wh.scores.portfolio_scores where {lose}")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(Refused) as refusal:
        publish.publish(two_nights.con, "next")
    line = str(refusal.value)
    assert told in line
    assert "restore a backup" in line
    assert "publish --fewer" in line
    publish.publish_runs(two_nights.con, "refused")
    assert [record.getMessage().split(": ")[0] for record in caplog.records] == [
        "publish     the copy does not tell of run refused"
    ]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    publish.publish(two_nights.con, "meant", fewer=True)
    assert faults(folder) == []
    with reader() as published:
        held = published.execute("select count(*) from scores.portfolio_scores").fetchone()
        assert held == two_nights.one("select count(*) from wh.scores.portfolio_scores")


# -- after a run that did not end well


def test_a_damaged_copy_is_left_as_it_is_when_only_runs_are_told(two_nights, caplog):
    folder = settings().published_dir
    two_nights.score(two_nights.rows(0.6))  # scored, never watched
    for damage in (lambda path: flip_a_byte(path, 0.6), cut, Path.unlink):
        damage(folder / "portfolio.duckdb")
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        caplog.clear()
        publish.publish_runs(two_nights.con, "refused")
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
        (told,) = [record.getMessage() for record in caplog.records]
        assert "portfolio.duckdb" in told
        assert "publish --whole" in told


def test_before_anything_is_published_only_runs_are_told(portfolio):
    portfolio.score(portfolio.rows(0.6))
    run_id = ledger.start_run(portfolio.con, flow="nightly", portfolio="lender", as_of_date=NIGHT)
    publish.publish_runs(portfolio.con, run_id)
    with reader() as published:
        assert published.execute("select count(*) from ops.run_ledger").fetchone() == (2,)
        assert published.execute("select distinct status from ops.run_ledger order by 1").fetchall() == [
            ("running",),
            ("scored",),
        ]
        filled = [
            name
            for schema, name in published.execute(
                "select schema_name, table_name from duckdb_tables() where schema_name <> 'ops'"
            ).fetchall()
            if published.execute(f"from {schema}.{name} limit 1").fetchone()
        ]
        assert filled == []
        assert published.execute("select marts.grade_of(0.1)").fetchone() == ("D1",)
    assert faults(settings().published_dir) == []
    publish.publish(portfolio.con, "next")
    assert nights_of(settings().published_dir) == ([(NIGHT, 5, 0.6)], [(NIGHT, 5, 0.6)])


def test_runs_are_told_again_and_again_and_nothing_else_changes(two_nights):
    folder = settings().published_dir
    parquet = {path: path.stat().st_ino for path in folder.rglob("*.parquet")}
    for number in range(4):
        run_id = ledger.start_run(two_nights.con, flow="nightly", portfolio="lender", as_of_date=NIGHT)
        two_nights.score(two_nights.rows(0.2 + number / 10))
        publish.publish_runs(two_nights.con, run_id)
        assert nights_of(folder)[0] == [(BEFORE, 5, 0.1), (NIGHT, 5, 0.1)]
        assert faults(folder) == []
    assert {path: path.stat().st_ino for path in folder.rglob("*.parquet")} == parquet
    assert not [name for name in builds(folder) if name.startswith((".portfolio", ".link", ".manifest"))]


# -- names


def test_a_run_whose_scores_are_in_the_copy_is_published_whatever_the_warehouse_knew(two_nights):
    # as after a kill between the swap of the copy and the ledger, or while a run goes on from it
    con = two_nights.con
    (run,) = con.execute("select max(run_id) from wh.scores.portfolio_scores").fetchone()
    con.execute("update wh.ops.run_ledger set status = 'scored' where run_id = ?", [run])
    other = ledger.start_run(con, flow="nightly", portfolio="lender", as_of_date=None)
    con.execute("update wh.ops.run_ledger set status = 'scored' where run_id = ?", [other])
    publish.publish_runs(con, "next")
    with reader() as copy:
        for asked in (con, copy):
            told = asked.execute(
                "select run_id, status from wh.ops.run_ledger where run_id in (?, ?)", [run, other]
            )
            assert dict(told.fetchall()) == {run: "published", other: "scored"}
