"""Whatever is damaged is named, with what to do; the other parts are read all the same, and nothing is changed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pytest
from feed_rows import Lender, rows_of

from warehouse import registry, soundness
from warehouse.connection import writer
from warehouse.intake.feeds import FEEDS
from warehouse.night import Night
from warehouse.publishing.manifest import Manifest
from warehouse.publishing.publish import publish
from warehouse.settings import settings
from warehouse.soundness import Part

NIGHT = date(2026, 6, 30)
RUN = "20260701T023000-nightly-abcdef"
BLOCK, HEADERS = 262_144, 3 * 4096


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with delivered files of every fate, two models, and a night that is published and done."""
    folder = tmp_path_factory.mktemp("sound")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(folder / "home"))
        with writer(purpose="test") as con:
            lender = deliver(con, folder / "landing")
            for version in ("1", "2"):
                add_model(con, lender.portfolio, version)
            score(con, Night(lender.portfolio, NIGHT, RUN))
            publish(con, RUN)
            con.execute("update wh.ops.run_ledger set status = 'done'")
    return folder / "home"


def deliver(con: duckdb.DuckDBPyConnection, landing: Path) -> Lender:
    """Load files, one twice under another name, one corrected, one with bad rows and a duplicate, one refused."""
    lender = Lender(con, landing)
    feed = FEEDS["transactions"]
    rows = rows_of(feed, 30)
    lender.deliver("transactions/a.csv", rows)
    lender.deliver("transactions/copy_of_a.csv", rows)
    lender.deliver("transactions/b.csv", rows_of(feed, 20, start=100))
    lender.deliver("operational_events/c.csv", [{"nothing": "known"}], columns=["nothing"])
    lender.ingest("one")
    bad = [{**row, "amount": "much"} for row in rows_of(feed, 2, start=300)]
    lender.deliver("transactions/b.csv", [*rows_of(feed, 25, start=100), *bad, rows[0]])
    lender.deliver("loan_ledger/d.ndjson", rows_of(FEEDS["loan_ledger"], 8))
    lender.ingest("two")
    return lender


def add_model(con: duckdb.DuckDBPyConnection, portfolio: str, version: str) -> None:
    file = settings().models_dir / portfolio / f"{version}.ubj"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(version.encode() * 1000)
    record = registry.ModelRecord(
        model_family="operational_risk", model_version=version, portfolio=portfolio, role="champion",
        purpose="forecast", knowledge_date=NIGHT, label_definition="dpd90", horizon_days=365, settings={},
        feature_groups=("volume",), feature_names=("x",), schema_hash="s", data_fingerprint="d", metrics={},
        artefact_path=str(file), artefact_sha256=hashlib.sha256(version.encode() * 1000).hexdigest(), run_id=RUN,
    )  # fmt: skip
    registry.register(con, record)


def score(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    key = night._asdict()
    for table, rows in (("portfolio_scores", 3), ("contributions", 6)):
        con.execute(
            f"insert into wh.scores.{table} by name select $portfolio as portfolio, $as_of_date as as_of_date, "
            "'E' || i as enterprise_id, 'champion' as model_role, $run_id as run_id, "
            f"timestamp '2026-07-01 02:31:00' as scored_at from range({rows}) as t (i)",
            key,
        )
    con.execute(
        "insert into wh.ops.run_ledger by name select $run_id as run_id, 'nightly' as flow, $portfolio as portfolio, "
        "$as_of_date as as_of_date, 'scored' as status, '{\"scores\": 3, \"contributions\": 6}' as counts",
        key,
    )


@pytest.fixture
def sound_home(template: Path, home: Path) -> Path:
    """A copy of that home of the test's own."""
    subprocess.run(["cp", "-a", template, home], check=True)
    return home


def change(home: Path, *statements: str) -> None:
    with duckdb.connect() as con:
        con.execute(f"attach '{home / 'warehouse.duckdb'}' as wh")
        for statement in statements:
            con.execute(statement)


def parts() -> dict[str, Part]:
    return {part.name: part for part in soundness.parts()}


def states() -> dict[str, str]:
    return {name: part.state for name, part in parts().items()}


def test_a_home_that_nothing_happened_to_is_sound(sound_home):
    found = parts()
    assert [(part.name, part.state, part.faults) for part in found.values()] == [
        (name, "sound", ()) for name in ("warehouse", "published", "models", "ledger", "older")
    ]
    assert found["warehouse"].summary.endswith("every block read")
    assert "3 files, " in found["published"].summary
    assert found["models"].summary == "2 files of 2 models"
    assert found["ledger"].summary == "7 files, 1 runs: rows agree"


# -- the warehouse


def used_blocks(file: Path) -> dict[int, str]:
    """Return the relation of each block that holds rows."""
    used = {}
    with duckdb.connect(str(file), read_only=True) as con:
        for schema, table in con.execute("select schema_name, table_name from duckdb_tables()").fetchall():
            rows = con.execute(
                "select block_id, additional_block_ids from "
                f"pragma_storage_info('{schema}.{table}') where persistent"
            ).fetchall()
            blocks = {block for first, more in rows for block in (first, *(more or ()))}
            used |= {block: f"{schema}.{table}" for block in blocks if block is not None and block >= 0}
    return used


def flip(file: Path, block: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(HEADERS + block * BLOCK + 100)
        byte = opened.read(1)[0]
        opened.seek(-1, 1)
        opened.write(bytes([byte ^ 0x10]))


def test_a_flipped_bit_in_any_block_that_holds_rows_is_found(sound_home, tmp_path):
    file = sound_home / "warehouse.duckdb"
    used = used_blocks(file)
    assert len(used) > 8
    damaged = tmp_path / "damaged.duckdb"
    for block in used:
        shutil.copyfile(file, damaged)
        flip(damaged, block)
        with duckdb.connect() as con:
            con.execute(f"attach '{damaged}' as wh (read_only)")
            part = soundness.warehouse(con)
        assert part.state == "not sound"
        assert len(part.faults) >= 1
        for fault in part.faults:
            assert "Corrupt database file" in fault
            assert fault.endswith("restore a backup")


def test_a_damaged_table_hides_no_other_part(sound_home):
    file = sound_home / "warehouse.duckdb"
    block = next(block for block, relation in used_blocks(file).items() if relation == "raw.transactions")
    flip(file, block)
    flip_published(sound_home)
    (sound_home / "models").rename(sound_home / "elsewhere")
    found = parts()
    assert {name: part.state for name, part in found.items()} == {
        "warehouse": "not sound", "published": "not sound", "models": "not sound", "ledger": "not read",
        "older": "sound",
    }  # fmt: skip
    assert [fault.split(":")[0] for fault in found["warehouse"].faults] == ["raw.transactions"]
    assert "Corrupt database file" in found["ledger"].summary


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 1000])
def test_a_warehouse_that_does_not_open_hides_no_other_part(sound_home, content):
    file = sound_home / "warehouse.duckdb"
    file.write_bytes(content or file.read_bytes()[:5000])
    found = parts()
    assert found["warehouse"].state == "not sound"
    assert "cannot open" in found["warehouse"].summary
    assert found["published"].state == "sound"
    assert found["published"].summary.endswith("as in the manifest, not compared with the warehouse")
    assert found["models"] == Part("models", "sound", "2 files of 2 models")
    assert found["ledger"].state == "not read"


def test_a_warehouse_that_is_gone_is_not_made(sound_home):
    (sound_home / "warehouse.duckdb").unlink()
    found = parts()
    assert found["warehouse"].state == "not sound"
    assert "is not there; restore a backup" in found["warehouse"].summary
    assert found["published"].state == "sound"
    assert not (sound_home / "warehouse.duckdb").exists()


def test_an_empty_home_is_not_called_sound(home):
    assert states() == {
        "warehouse": "not sound",
        "published": "sound",
        "models": "not read",
        "ledger": "not read",
        "older": "not read",
    }
    assert not home.exists()


def test_while_a_night_holds_the_warehouse_the_rest_is_read(sound_home):
    script = (
        "import sys\nfrom warehouse.connection import writer\nwith writer(purpose='nightly of somebody'):\n"
        "    print('open', flush=True)\n    sys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "open\n"
        found = parts()
    finally:
        process.communicate("\n")
    assert {name: part.state for name, part in found.items()} == {
        "warehouse": "not read", "published": "sound", "models": "sound", "ledger": "not read", "older": "not read",
    }  # fmt: skip
    assert f"held by 'nightly of somebody' (pid {process.pid}" in found["warehouse"].summary


# -- the published copy


def flip_published(home: Path) -> None:
    flip(home / "published" / "portfolio.duckdb", 2)


def test_a_night_that_publishes_while_the_copy_is_read_is_no_damage(sound_home, monkeypatch):
    real, asked = Manifest.faults, []

    def faults(known: Manifest, folder: Path):
        if not asked:
            with writer(purpose="test") as con:
                con.execute(RESCORED)
                publish(con, "in the meantime")
        asked.append(known)
        return list(real(known, folder))

    monkeypatch.setattr(Manifest, "faults", faults)
    assert soundness.published(None).state == "sound"
    assert len(asked) == 2


def parquet(home: Path) -> Path:
    return next((home / "published" / "portfolio_scores").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (flip_published, "portfolio.duckdb has SHA-256"),
        (lambda home: (home / "published" / "portfolio.duckdb").unlink(), "portfolio.duckdb is missing"),
        (lambda home: parquet(home).write_bytes(b"PAR1"), "scores.parquet has 4 bytes"),
        (lambda home: parquet(home).unlink(), "scores.parquet is missing"),
        (lambda home: (home / "published" / "portfolio_scores").unlink(), "scores.parquet is missing"),
        (lambda home: (home / "published" / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda home: (home / "published" / "manifest.json").write_text("{"), "manifest.json is missing or"),
        (
            lambda home: parquet(home).with_name("more.parquet").write_bytes(b"x"),
            "more.parquet is not in the manifest; take it away",
        ),
        (
            lambda home: (home / "published" / "portfolio.duckdb.wal").write_bytes(b"x"),
            "portfolio.duckdb.wal is not in the manifest; take it away",
        ),
    ],
)
def test_damage_of_the_copy_is_named_and_mended_by_the_next_publish(sound_home, damage, told):
    damage(sound_home)
    found = parts()
    (fault,) = found.pop("published").faults
    assert told in fault
    assert {part.state for part in found.values()} == {"sound"}
    if "take it away" in fault:
        return
    assert "python -m flows publish" in fault
    with writer(purpose="test") as con:
        publish(con, "again")
    assert set(states().values()) == {"sound"}


def test_a_copy_that_is_gone_is_told(sound_home):
    shutil.rmtree(sound_home / "published")
    (fault,) = parts()["published"].faults
    assert "is not there, but 1 nights were published" in fault


RESCORED = "update wh.scores.portfolio_scores set scored_at = timestamp '2026-07-02 02:31:00'"


@pytest.mark.parametrize(
    ("statements", "state", "told"),
    [
        ([RESCORED], "not sound", "is not in the copy as in the warehouse; python -m flows publish"),
        ([RESCORED, "update wh.ops.run_ledger set status = 'scored'"], "sound", "1 night of the warehouse not"),
        ([RESCORED, "update wh.ops.run_ledger set flow = 'score'"], "sound", "1 night of the warehouse not"),
        ([RESCORED, "update wh.ops.run_ledger set status = 'published', flow = 'score'"], "not sound", "not in the"),
        (["delete from wh.scores.portfolio_scores"], "not sound", "is in the copy, not in the warehouse; restore"),
        (["delete from wh.scores.contributions"], "not sound", "scores.contributions of lender"),
    ],
)  # fmt: skip
def test_the_nights_of_the_copy_are_those_of_the_warehouse(sound_home, statements, state, told):
    change(sound_home, *statements)
    part = parts()["published"]
    assert part.state == state
    assert told in "\n".join((part.summary, *part.faults))


# -- models


def flip_first(file: Path) -> None:
    file.write_bytes(b"2" + file.read_bytes()[1:])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (Path.unlink, "cannot be read"),
        (lambda file: file.write_bytes(b"1" * 999), "is not the registered one"),
        (flip_first, "is not the registered one"),
    ],
)
@pytest.mark.parametrize("with_warehouse", [True, False])
def test_a_model_file_that_is_not_the_registered_one_is_named(sound_home, damage, told, with_warehouse):
    file = next((sound_home / "models").rglob("1.ubj"))
    damage(file)
    if not with_warehouse:
        (sound_home / "warehouse.duckdb").unlink()
    part = parts()["models"]
    assert part.state == "not sound"
    (fault,) = part.faults
    assert "operational_risk 1" in fault
    assert told in fault


# -- the ledgers


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update wh.ops.file_ledger set delivered = delivered + 1 where path like '%/a.csv'",
         "transactions/a.csv: 31 rows delivered, but 30 loaded"),
        ("update wh.ops.file_ledger set loaded = null where path like '%/a.csv'", "transactions/a.csv: 30 rows"),
        ("delete from wh.raw.transactions where file_row = 3 and run_id = 'one'",
         "transactions/a.csv: 30 rows loaded by the file ledger, 29 in raw.transactions"),
        ("insert into wh.raw.loan_ledger from wh.raw.loan_ledger limit 1",
         "loan_ledger/d.ndjson: 8 rows loaded by the file ledger, 9 in raw.loan_ledger"),
        ("update wh.raw.loan_ledger set file_hash = 'feed' || file_hash",
         "a file that the file ledger does not name (SHA-256 feed"),
        ("delete from wh.ops.file_ledger where path like '%/d.ndjson'", "a file that the file ledger does not name"),
        ("delete from wh.ops.quarantine where file_row = 26",
         "transactions/b.csv: 2 rows quarantined by the file ledger, 1 in ops.quarantine"),
        ("update wh.ops.quarantine set path = 'transactions/a.csv'", "in ops.quarantine"),
        ("delete from wh.scores.portfolio_scores where enterprise_id = 'E1'",
         f"has 2 rows of run {RUN}, the run ledger says 3"),
        ("insert into wh.scores.contributions from wh.scores.contributions limit 1",
         f"has 7 rows of run {RUN}, the run ledger says 6"),
        ("delete from wh.ops.run_ledger", "which is not in the run ledger"),
        ("update wh.ops.run_ledger set status = 'aborted'", f"is of run {RUN}, which is aborted"),
        ("update wh.ops.run_ledger set counts = null", "the run ledger says no number"),
    ],
)  # fmt: skip
def test_a_ledger_that_does_not_agree_with_the_rows_is_told(sound_home, statement, told):
    change(sound_home, statement)
    part = parts()["ledger"]
    assert part.state == "not sound"
    assert part.summary.endswith("rows do not agree")
    assert any(told in fault for fault in part.faults), part.faults
    assert Counter(part.faults).most_common(1)[0][1] == 1


def test_a_run_of_which_a_later_one_replaced_a_role_may_own_fewer_rows(sound_home):
    change(
        sound_home,
        "update wh.scores.portfolio_scores set run_id = 'later' where enterprise_id = 'E1'",
        "insert into wh.ops.run_ledger by name select 'later' as run_id, 'score' as flow, 'done' as status, "
        '\'{"scores": 1, "contributions": 0}\' as counts',
    )
    assert parts()["ledger"].faults == ()
