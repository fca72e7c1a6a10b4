"""A backup is whole or not there; a restored home is the home that was backed up; damage is named, nothing is left."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import date

import duckdb
import pytest

from warehouse import declared, ledger, migrations
from warehouse.backups import backup, restore
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.publishing import publish
from warehouse.settings import settings

NIGHT = date(2026, 6, 30)
FILES = {
    "models/family-1a2b.nightledger-model": b"a model",
    "landing/lender/transactions/2026-06.csv": b"enterprise_id,amount\ne0,1\n",
    "landing/lender/events/M\udcfcller\n.csv": b"a name that nobody can write\n",
    "reports/lender/report-2026-06-30.html": b"<p>a page</p>",
    "data_docs/index.html": b"<p>another</p>",
    "sql/lender/2026-06-30/feat_profile.sql": b"select 1\n",
    "replication/kept-0-0.npz": b"hours of work",
}
SCRATCH = (
    "prefect/prefect.db",
    "spill/duckdb_temp_block.tmp",
    "runs/r/part.parquet",
    "logs/x.txt",
    "lost+found/1",
    "postgres/PG_VERSION",
    "warehouse.lock",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A home with a published night and a file of each kind, and a backup of it; tests use copies of the two."""
    home, shelf = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("shelf")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home))
        with writer(purpose="test") as con:
            run_id = ledger.start_run(con, flow="score", portfolio="lender", as_of_date=NIGHT)
            con.execute(
                "insert into wh.scores.portfolio_scores by name select 'lender' as portfolio, "
                "$night::date as as_of_date, 'e' || i as enterprise_id, 'champion' as model_role, 0.1 as pd, "
                "$run_id as run_id, now()::timestamp as scored_at from range(5) as r(i)",
                {"night": NIGHT, "run_id": run_id},
            )
            ledger.finish_run(con, run_id, status="done")
            for _ in range(2):  # the second leaves the builds of the first, which nothing points to
                publish.publish(con, run_id)
        for name, data in (*FILES.items(), *((name, b"scratch") for name in SCRATCH)):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_bytes(data)
        own = shutil.copytree(home, shelf / "home", symlinks=True)
        patch.setenv("NIGHTLEDGER_HOME", str(own))
        (shelf / "kept").mkdir()
        made = back_up(shelf / "kept")
    return home, made


@pytest.fixture
def night(built, tmp_path, monkeypatch):
    """A home with a published night, which no process has open."""
    monkeypatch.setenv("NIGHTLEDGER_HOME", str(tmp_path / "night"))
    return shutil.copytree(built[0], tmp_path / "night", symlinks=True)


@pytest.fixture
def whole(built, tmp_path):
    """A backup that nothing has touched."""
    return shutil.copytree(built[1].path, tmp_path / built[1].path.name, symlinks=True)


@pytest.fixture
def shelf(tmp_path):
    """A folder that backups are kept in."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    return folder


def back_up(folder):
    with backup.warehouse_source() as source, writer(purpose="backup") as con:
        run_id = ledger.start_run(con, flow="backup", portfolio="all", as_of_date=None)
        made = backup.back_up(con, run_id, source=source, folder=folder)
        ledger.finish_run(con, run_id, status="done")
    return made


def bring_back(folder, home, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_HOME", str(home))
    return restore.restore(folder, parameters={"backup": str(folder)})


def content(folder):
    """Everything below a folder: what a file holds, where a link leads."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def tables(warehouse):
    """Every row of every table but the run ledger, which has runs of its own after a restore."""
    with duckdb.connect() as con:
        con.execute(f"attach '{warehouse}' as wh (read_only)")
        names = con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'wh'"
        ).fetchall()
        return {
            name: con.execute(f"from wh.{name} order by all").fetchall()
            for (name,) in names
            if name != "ops.run_ledger"
        }


def runs(warehouse):
    with duckdb.connect() as con:
        con.execute(f"attach '{warehouse}' as wh (read_only)")
        return con.execute(
            "select flow, status, message from wh.ops.run_ledger order by started_at, run_id"
        ).fetchall()


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_restored_home_is_the_home_that_was_backed_up(night, shelf, tmp_path, monkeypatch):
    before = content(night)
    made = back_up(shelf)
    expected = {
        name
        for name in before
        if not name.startswith((*(f"{name}/" for name in backup.backup_files.DROPPED), "warehouse."))
    }
    assert made.manifest.links.keys() == {
        "published/portfolio_scores",
        "published/contributions",
        "published/score_changes",
        "published/pd_curves",
    }
    builds = {name.split("/")[1] for name in made.manifest.files if name.startswith("published/.")}
    assert builds, "the scores of the night"
    assert builds <= set(made.manifest.links.values()), "builds nothing points to are left out"
    brought = bring_back(made.path, tmp_path / "new", monkeypatch)
    after = content(tmp_path / "new")
    published = {
        name for name in expected if name.startswith("published/.") and name.split("/")[1] not in builds
    }
    assert published
    assert after.keys() - {"warehouse.lock"} == (expected - published) | {"warehouse.duckdb"}
    assert {name: after[name] for name in expected - published} == {
        name: before[name] for name in expected - published
    }
    assert tables(tmp_path / "new" / "warehouse.duckdb") == tables(night / "warehouse.duckdb")
    assert brought.portfolios == (restore.Scored("lender", 1, date(2026, 6, 30), 5),)
    (was, *_), copied = runs(night / "warehouse.duckdb"), runs(tmp_path / "new" / "warehouse.duckdb")
    message = f"from the backup {made.manifest.run_id} of {made.manifest.written_at}"
    assert copied == [was, ("backup", "done", None), ("restore", "done", message)]
    assert not list(tmp_path.rglob("*.wal"))


def test_only_the_owner_may_read_a_backup_and_a_restored_home(night, shelf, tmp_path, monkeypatch):
    old = os.umask(0)
    try:
        made = back_up(shelf)
        bring_back(made.path, tmp_path / "new", monkeypatch)
    finally:
        os.umask(old)
    for folder in (made.path, tmp_path / "new"):
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink() and path.name != "warehouse.lock":
                assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_backup_says_what_wrote_it(night, shelf):
    made = back_up(shelf)
    written = json.loads((made.path / "manifest.json").read_text())
    assert written["run_id"] == made.manifest.run_id
    assert (written["duckdb"], written["revision"]) == (duckdb.__version__, ledger.revision())
    assert written["newest_run"].split("-")[1] == "score"
    assert written["rows"] == sum(map(len, tables(made.path / "warehouse.duckdb").values())) + 2
    checked = subprocess.run(["sha256sum", "--check", "manifest.json.sha256"], cwd=made.path, check=False)
    assert checked.returncode == 0


KINDS = {
    "warehouse.duckdb": "warehouse.duckdb", "published copy": "published/portfolio.duckdb",
    "archive": "published/.scores-*/*/*/scores.parquet", "model": "models/*", "delivery": "landing/*/transactions/*",
    "report": "reports/*/*", "validation page": "data_docs/*", "sql": "sql/*/*/*", "manifest": "manifest.json",
}  # fmt: skip


@pytest.mark.parametrize("pattern", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_backup_is_refused_and_leaves_nothing(whole, tmp_path, monkeypatch, pattern, damage):
    (file,) = whole.glob(pattern)
    if damage == "flipped":
        flip(file)
    elif damage == "cut":
        os.truncate(file, file.stat().st_size - 1)
    else:
        file.unlink()
    with pytest.raises(Refused) as refused:
        bring_back(whole, tmp_path / "new", monkeypatch)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert content(tmp_path / "new").keys() <= {"warehouse.lock"}
    assert not list((tmp_path / "new").glob(".restore-*"))


@pytest.mark.parametrize("kind", ["file", "link out", "link elsewhere", "pipe"])
def test_what_is_not_of_the_backup_is_refused(whole, tmp_path, monkeypatch, kind):
    odd = whole / ("models/odd" if kind != "link elsewhere" else "published/contributions")
    odd.unlink(missing_ok=True)
    if kind == "file":
        odd.write_text("more")
    elif kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to("/etc/hostname" if kind == "link out" else "portfolio_scores")
    with pytest.raises(Refused, match=str(odd)):
        bring_back(whole, tmp_path / "new", monkeypatch)
    assert content(tmp_path / "new").keys() <= {"warehouse.lock"}


@pytest.mark.parametrize(
    "name", ["warehouse.duckdb", "published/portfolio.duckdb", "models/other", "landing/lender/new.csv"]
)
def test_a_home_that_holds_something_is_left_as_it_is(whole, tmp_path, monkeypatch, name):
    there = tmp_path / "new" / name
    there.parent.mkdir(parents=True)
    there.write_text("mine")
    with pytest.raises(Refused, match=f"the home is not empty, it has {there}"):
        bring_back(whole, tmp_path / "new", monkeypatch)
    assert content(tmp_path / "new") == {name: b"mine", "warehouse.lock": b""}


def test_the_folders_of_prefect_and_the_logs_do_not_count(whole, tmp_path, monkeypatch):
    for name in ("prefect/prefect.db", "logs/x.txt"):
        (tmp_path / "new" / name).parent.mkdir(parents=True)
        (tmp_path / "new" / name).write_text("its own")
    (tmp_path / "new" / "landing" / "lender").mkdir(parents=True)
    bring_back(whole, tmp_path / "new", monkeypatch)
    assert (tmp_path / "new" / "prefect" / "prefect.db").read_text() == "its own"


def test_a_backup_of_a_newer_version_is_refused_and_leaves_nothing(night, shelf, tmp_path, monkeypatch):
    with monkeypatch.context() as newer:
        newer.setattr(declared, "_program", lambda: "of tomorrow")
        newer.setattr(migrations, "_check", lambda applied, declared: None)
        with writer(purpose="newer") as con:
            con.execute("insert into wh.ops.migrations values (9999, 'of_tomorrow', 'x', now())")
        made = back_up(shelf)
    with pytest.raises(Refused, match="9999_of_tomorrow, which this version lacks"):
        bring_back(made.path, tmp_path / "new", monkeypatch)
    assert content(tmp_path / "new").keys() <= {"warehouse.lock"}


@pytest.mark.parametrize("place", ["missing", "a file", "in the home", "the home", "in the home by a link"])
def test_a_folder_that_is_not_fit_is_refused(night, tmp_path, place):
    folder = tmp_path / "shelf"
    if place == "a file":
        folder.write_text("")
    elif place in {"in the home", "the home"}:
        folder = night / "backups" if place == "in the home" else night
        folder.mkdir(exist_ok=True)
    elif place == "in the home by a link":
        folder.symlink_to(night)
    with pytest.raises(
        Refused, match="there is no folder" if place in {"missing", "a file"} else "lies in the home"
    ):
        back_up(folder)
    assert not list(tmp_path.rglob("*nightledger-2*"))


@pytest.mark.parametrize("target", ["/etc/hostname", "../../../outside"])
def test_a_link_that_leads_out_of_the_home_is_refused(night, shelf, target):
    (night / "landing" / "lender" / "linked.csv").symlink_to(target)
    with pytest.raises(Refused, match=rf"linked\.csv is a link to {target}, and what lies outside"):
        back_up(shelf)
    assert list(shelf.iterdir()) == []


def test_a_link_within_the_home_stays_a_link(night, shelf, tmp_path, monkeypatch):
    links = {"alias.csv": "transactions/2026-06.csv", "loop": "loop", "gone": "nothing"}
    for name, target in links.items():
        (night / "landing" / "lender" / name).symlink_to(target)
    bring_back(back_up(shelf).path, tmp_path / "new", monkeypatch)
    folder = tmp_path / "new" / "landing" / "lender"
    assert {name: str((folder / name).readlink()) for name in links} == links


def test_a_pipe_is_left_out_and_named(night, shelf):
    os.mkfifo(night / "landing" / "lender" / "pipe")
    made = back_up(shelf)
    assert made.left_out == ("landing/lender/pipe",)
    assert not (made.path / "landing" / "lender" / "pipe").exists()


def test_a_file_that_is_delivered_meanwhile_is_not_copied_half(night, shelf, monkeypatch):
    delivered = night / "landing" / "lender" / "transactions" / "2026-06.csv"
    chunks = backup.backup_files._chunks

    def slow(file, name):
        yield from chunks(file, name)
        if name == delivered:
            with delivered.open("ab") as more:
                more.write(b"e1,2\n")

    monkeypatch.setattr(backup.backup_files, "_chunks", slow)
    with pytest.raises(Refused, match=r"2026-06\.csv was written to while it was copied"):
        back_up(shelf)
    assert list(shelf.iterdir()) == []


def test_a_disk_that_does_not_keep_what_was_written_is_refused(night, shelf, monkeypatch):
    stored = backup.backup_files.stored

    def rotten(path):
        if path.name == "report-2026-06-30.html":
            flip(path)
        return stored(path)

    monkeypatch.setattr(backup.backup_files, "stored", rotten)
    with pytest.raises(Refused, match=r"report-2026-06-30\.html is not read as it was written"):
        back_up(shelf)
    assert list(shelf.iterdir()) == []


def test_a_warehouse_with_a_broken_block_is_not_called_a_backup(night, shelf):
    file = night / "warehouse.duckdb"
    with duckdb.connect(file) as con:
        con.execute("create table ops.wide as select hash(i) as h from range(500_000) as r(i)")
        (block,) = con.execute(
            "select max(block_id) from pragma_storage_info('ops.wide') where block_id >= 0"
        ).fetchone()
    data = bytearray(file.read_bytes())
    data[3 * 4096 + block * 262_144 + 5_000] ^= 1
    file.write_bytes(data)
    with pytest.raises(Refused, match=r"the copied warehouse cannot be read, ops.wide: .*[Cc]hecksum"):
        back_up(shelf)
    assert list(shelf.iterdir()) == []


def test_a_backup_without_a_warehouse_makes_none(home, shelf):
    with pytest.raises(Refused, match="there is no warehouse to back up"):
        back_up(shelf)
    assert not (home / "warehouse.duckdb").exists()


def test_the_warehouse_stays_locked_against_other_programs(night, shelf):
    probe = "import duckdb, sys\ntry: duckdb.connect(sys.argv[1])\nexcept duckdb.IOException: sys.exit(7)"
    with backup.warehouse_source() as source, writer(purpose="backup") as con:
        run_id = ledger.start_run(con, flow="backup", portfolio="all", as_of_date=None)
        backup.back_up(con, run_id, source=source, folder=shelf)
        tried = subprocess.run([sys.executable, "-c", probe, night / "warehouse.duckdb"], check=False)
        ledger.finish_run(con, run_id, status="done")
    assert tried.returncode == 7


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a real file system of so many bytes."""
    mounted = []

    def mount(size):
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        tried = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False, capture_output=True
        )
        if tried.returncode:
            pytest.skip("may not mount a file system here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


def test_no_room_is_told_before_anything_is_written(night, small_disk, tmp_path, monkeypatch):
    disk = small_disk("5m")
    with pytest.raises(Refused, match=r"has 5.0 MiB free and \d+.\d MiB are needed; delete old backups"):
        back_up(disk)
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("share", [0.1, 0.6, 0.95, 0.999])
def test_a_disk_that_fills_up_leaves_one_line_and_nothing(night, whole, small_disk, monkeypatch, share):
    size = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
    monkeypatch.setattr(backup.backup_files, "_SPARE", -(2**40))  # as if another program took the room
    disk = small_disk(f"{int(size * share) // 1024}k")
    with pytest.raises(
        Refused, match=rf"cannot write to {disk}: .*No space left.*; delete old backups"
    ) as refused:
        back_up(disk)
    assert "\n" not in str(refused.value)
    assert list(disk.iterdir()) == []
    with pytest.raises(Refused, match=r"cannot write to .*No space left on device.*; make room"):
        bring_back(whole, disk / "new", monkeypatch)
    assert [path.name for path in (disk / "new").iterdir()] == ["warehouse.lock"]


def test_a_disk_that_cannot_be_written_is_refused(night, shelf, small_disk, tmp_path, monkeypatch):
    made = back_up(shelf)
    disk = small_disk("100m")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(Refused, match=f"cannot write to {disk}: Read-only file system"):
        back_up(disk)
    with pytest.raises(Refused, match="Read-only file system"):
        bring_back(made.path, disk / "new", monkeypatch)


KILLED = """
import os, signal, sys
from pathlib import Path
from warehouse import ledger
from warehouse.backups import backup, backup_files, restore
from warehouse.connection import writer

place, call, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
owner = Path if place in ("replace", "rename") else backup_files
real, calls = getattr(owner, place), []

def deadly(*args, **more):
    calls.append(args)
    if len(calls) == call:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **more)

setattr(owner, place, deadly)
if folder.name == "shelf":
    with backup.warehouse_source() as source, writer(purpose="backup") as con:
        run_id = ledger.start_run(con, flow="backup", portfolio="all", as_of_date=None)
        backup.back_up(con, run_id, source=source, folder=folder)
else:
    restore.restore(folder, parameters={})
"""


def killed(place, call, folder):
    ended = subprocess.run([sys.executable, "-c", KILLED, place, str(call), str(folder)], check=False)
    assert ended.returncode == -9, "the process must die on its way"


@pytest.mark.parametrize(
    ("place", "call"), [("copy", 1), ("copy", 6), ("copied", 9), ("write_manifest", 1), ("rename", 1)]
)
def test_a_killed_backup_is_no_backup_and_is_cleared_away_by_the_next(night, shelf, place, call):
    killed(place, call, shelf)
    assert [path.name for path in shelf.iterdir() if not path.name.startswith(".")] == []
    assert list(shelf.iterdir()) != []
    made = back_up(shelf)
    assert list(shelf.iterdir()) == [made.path]
    assert [status for flow, status, _ in runs(night / "warehouse.duckdb") if flow == "backup"] == [
        "aborted",
        "done",
    ]


def test_a_backup_at_work_of_another_home_is_left_alone(night, shelf):
    with backup._build(shelf, "of-another-home") as build:
        back_up(shelf)
        assert build.is_dir()


@pytest.mark.parametrize(
    ("place", "call"), [("copy", 1), ("copy", 6), ("replace", 1), ("replace", 3), ("replace", 13)]
)
def test_a_killed_restore_is_run_again(whole, tmp_path, monkeypatch, place, call):
    new = tmp_path / "new"
    monkeypatch.setenv("NIGHTLEDGER_HOME", str(new))
    killed(place, call, whole)
    assert not (new / "warehouse.duckdb").exists()
    bring_back(whole, new, monkeypatch)
    once = bring_back(whole, tmp_path / "once", monkeypatch)
    twice = {name: data for name, data in content(new).items() if not name.startswith("warehouse.")}
    assert twice == {
        name: data for name, data in content(tmp_path / "once").items() if not name.startswith("warehouse.")
    }
    assert tables(new / "warehouse.duckdb") == tables(once.home / "warehouse.duckdb")
    assert not list(new.glob(".restore-*"))
    with pytest.raises(Refused, match=r"the home is not empty, it has .*warehouse\.duckdb"):
        bring_back(whole, new, monkeypatch)


def test_a_home_in_use_is_not_restored_into(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_HOME", str(tmp_path / "new"))
    with writer(purpose="test"), pytest.raises(Refused, match="is in use by another process"):
        bring_back(whole, settings().home, monkeypatch)


@pytest.mark.parametrize("folder", ["gone", "the home", "the models"])
def test_what_is_no_backup_is_refused(whole, tmp_path, monkeypatch, folder):
    path = {"gone": tmp_path / "gone", "the home": tmp_path, "the models": whole / "models"}[folder]
    with pytest.raises(Refused, match=r"is no whole backup: cannot read .*manifest\.json"):
        bring_back(path, tmp_path / "new", monkeypatch)
    assert not (tmp_path / "new").exists()
