"""One odd file is that file's refusal, in one line; the file after it loads, and nothing hangs."""

from __future__ import annotations

import gzip
import json
import os
import socket
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feed_rows import Lender, rows_of, write

from warehouse.errors import Refused
from warehouse.intake import file_bytes, ingest
from warehouse.intake.feeds import FEEDS
from warehouse.intake.landing import list_landing
from warehouse.intake.text_copy import as_duckdb_reads
from warehouse.intake.whole_files import WholeFile, whole_file
from warehouse.settings import settings

pytestmark = pytest.mark.timeout(60)
SALES = rows_of(FEEDS["transactions"], 4)


@pytest.fixture
def lender(con: duckdb.DuckDBPyConnection, base: Lender, tmp_path: Path) -> Lender:
    lender = Lender(con, tmp_path / "landing", base=base)
    lender.deliver("transactions/z.csv", SALES)
    return lender


@pytest.fixture
def folder(lender: Lender) -> Path:
    return lender.landing / "transactions"


def refusals(lender: Lender) -> dict[str, str]:
    """Ingest; the last file has to be loaded and all others refused. Return their reasons by name."""
    results = lender.ingest()
    assert results.pop("transactions/z.csv").loaded == len(SALES)
    reasons = {path.removeprefix("transactions/"): result.message for path, result in results.items()}
    assert {result.status for result in results.values()} <= {"refused"}
    assert not any("\n" in reason for reason in reasons.values())
    stored = lender.ask(
        "select path, reason from wh.ops.file_ledger where portfolio = $p and status = 'refused'"
    )
    assert {path.removeprefix("transactions/"): reason for path, reason in stored} == reasons
    return reasons


class TestWhatIsNoFile:
    def test_it_is_named_and_not_opened(self, lender, folder, monkeypatch):
        os.mkfifo(folder / "a.csv")
        (folder / "b.csv").symlink_to("a.csv")
        (folder / "c.csv").symlink_to("/dev/null")
        monkeypatch.chdir(folder)  # a socket's path is at most 108 bytes
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("d.csv")
            kinds = {"a": "a FIFO", "b": "a link to a FIFO", "c": "a link to a device", "d": "a socket"}
            assert refusals(lender) == {
                f"{name}.csv": f"no regular file: this is {kind}; put a file there that holds the rows"
                for name, kind in kinds.items()
            }

    @pytest.mark.parametrize(
        ("target", "reason"),
        [
            ("gone.csv", "a link to a file that is not there; mend it or take it away"),
            ("x" * 300, "File name too long"),
            ("a.csv", "Too many levels of symbolic links"),
        ],
    )
    def test_links_to_nothing(self, lender, folder, target, reason):
        (folder / "a.csv").symlink_to(target)
        assert refusals(lender) == {"a.csv": f"unreadable: {reason}"}

    @pytest.mark.parametrize("name", [b"M\xfcller.csv", b"stra\xdfe/a.csv", b"a\nb.csv", b"\x1b[2J.csv"])
    def test_names_that_nobody_can_write(self, lender, folder, name):
        path = folder / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((folder / "z.csv").read_bytes())
        ((shown, reason),) = refusals(lender).items()
        assert shown.isprintable()
        assert "\\x" in shown
        assert reason.startswith("unreadable: the name is not UTF-8 text or holds control characters")

    def test_a_folder_that_is_no_feed_with_such_a_name(self, tmp_path):
        (tmp_path / os.fsdecode(b"Ums\xe4tze")).mkdir()
        with pytest.raises(Refused, match=r"/Ums\\xe4tze: this folder belongs to no feed"):
            list_landing(tmp_path)


class TestLinks:
    def test_linked_files_and_folders_are_followed(self, lender, folder, tmp_path):
        write(tmp_path / "nas/2026/june.csv", SALES[:1])
        write(tmp_path / "nas/single.csv", SALES[1:2])
        (folder / "2026").symlink_to(tmp_path / "nas/2026")
        (folder / "a.csv").symlink_to(tmp_path / "nas/single.csv")
        (folder / "z.csv").unlink()
        results = {path: result.loaded for path, result in lender.ingest().items()}
        assert results == {"transactions/2026/june.csv": 1, "transactions/a.csv": 1}

    def test_no_folder_is_listed_twice_or_for_ever(self, lender, folder, tmp_path):
        write(folder / "2026/june.csv", SALES[:1])
        write(tmp_path / "nas/x.csv", SALES[1:2])
        for name, target in {"0latest": "2026", "loop": ".", "feed": "../transactions", "all": ".."}.items():
            (folder / name).symlink_to(target)
        for name in ("nas1", "nas2"):
            (folder / name).symlink_to(tmp_path / "nas")
        (tmp_path / "nas/back").symlink_to(folder)
        assert [file.path.removeprefix("transactions/") for file in list_landing(lender.landing)] == [
            "2026/june.csv",
            "nas1/x.csv",
            "z.csv",
        ]

    def test_a_link_to_what_holds_the_landing_folder_is_refused(self, lender, folder):
        (folder / "up").symlink_to("../..")
        (folder / "root").symlink_to("/")
        assert set(refusals(lender)) == {"up", "root"}

    def test_a_linked_feed(self, tmp_path):
        write(tmp_path / "nas/a.csv", SALES)
        (tmp_path / "landing").mkdir()
        (tmp_path / "landing/transactions").symlink_to(tmp_path / "nas")
        assert [file.path for file in list_landing(tmp_path / "landing")] == ["transactions/a.csv"]


class TestLimits:
    @pytest.mark.parametrize("line", [b"\n", b"a,b\n", b"T1,E1,2026-01-01,,1.00,C,sale,,,false\n"])
    def test_gzip_that_expands_a_thousandfold(self, lender, folder, monkeypatch, line):
        monkeypatch.setattr(file_bytes, "_NEVER_TOO_LARGE", 1 << 20)
        (folder / "a.csv.gz").write_bytes(gzip.compress(line * (8_000_000 // len(line)), 9))
        ((_, reason),) = refusals(lender).items()
        assert reason.startswith("too large: ")
        assert "expand more than 200 times" in reason

    @pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".ndjson", ".parquet"])
    def test_the_size_of_a_file(self, lender, monkeypatch, suffix):
        monkeypatch.setenv("NIGHTLEDGER_FILE_LIMIT", "50KB")
        rows = [{**SALES[0], "transaction_id": f"T{n}"} for n in range(2000)]
        lender.deliver(f"transactions/a{suffix}", rows)
        assert refusals(lender) == {
            f"a{suffix}": "too large: the content is more than 50.0KB; deliver it in several files, or raise "
            "NIGHTLEDGER_FILE_LIMIT"
        }

    def test_a_gzip_is_not_unpacked_beyond_the_limit(self, tmp_path, monkeypatch):
        monkeypatch.setenv("NIGHTLEDGER_FILE_LIMIT", "3MB")
        path = tmp_path / "a.csv.gz"
        path.write_bytes(gzip.compress(b"a,b\n" * 10_000_000, 9))
        sizes: list[int] = []
        with pytest.raises(Refused, match="too large"):
            sizes.extend(map(len, file_bytes.content(path, gzipped=True)))
        assert max(sizes) <= file_bytes.CHUNK
        assert sum(sizes) <= 3_000_000

    @pytest.mark.parametrize("kind", ["one text repeated", "pages of one letter"])
    def test_parquet_that_expands(self, lender, folder, monkeypatch, kind):
        monkeypatch.setattr(file_bytes, "_NEVER_TOO_LARGE", 1 << 20)
        dictionary = kind == "one text repeated"
        columns = {name: [row[name] for row in SALES] * 50 for name in SALES[0]}
        names = pa.DictionaryArray.from_arrays(pa.array([0] * 200, pa.int32()), ["x" * 100_000])
        columns["counterparty_id"] = names if dictionary else names.cast(pa.string())
        pq.write_table(pa.table(columns), folder / "a.parquet", compression="zstd", use_dictionary=dictionary)
        ((_, reason),) = refusals(lender).items()
        assert "expand more than 200 times" in reason

    @pytest.mark.parametrize(
        ("suffix", "columns"),
        [(".csv", 2001), (".csv", 30_000), (".ndjson", 2001), (".ndjson", 30_000), (".parquet", 2001)],
    )
    def test_columns(self, lender, suffix, columns):
        more = columns - len(SALES[0])
        wide = [{**row, **{f"c{n}": "1" for n in range(more)}} for row in SALES]
        lender.deliver(f"transactions/a{suffix}", wide)
        assert refusals(lender)[f"a{suffix}"].startswith(
            f"too many columns: {columns:,}, and 2,000 are allowed; "
        )

    @pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".ndjson", ".ndjson.gz"])
    def test_a_line_longer_than_duckdb_reads(self, lender, folder, suffix):
        text = (
            lender.deliver(f"transactions/a{suffix.removesuffix('.gz')}", SALES).read_bytes()
            + b"x" * 2_100_000
        )
        for path in folder.glob("a.*"):
            path.unlink()
        data = text + b"\n"
        (folder / f"a{suffix}").write_bytes(gzip.compress(data, 1) if suffix.endswith("gz") else data)
        assert refusals(lender)[f"a{suffix}"].startswith("unreadable from record 5 on: ")

    @pytest.mark.parametrize("opened", ["[", '{"a":'])
    def test_nested_without_end(self, lender, folder, opened):
        (folder / "a.ndjson").write_text('{"transaction_id": ' + opened * 200_000)
        assert refusals(lender) == {"a.ndjson": "truncated: the last line is cut; deliver the file again"}

    @pytest.mark.parametrize("end", ["", "\n"])
    def test_nested_deep_and_closed_is_a_row_like_others(self, lender, folder, end):
        (folder / "z.csv").unlink()
        lines = [json.dumps(row)[:-1] + f', "more": {"[" * 200_000}{"]" * 200_000}}}' for row in SALES]
        (folder / "a.ndjson").write_text("\n".join(lines) + end)
        assert lender.ingest()["transactions/a.ndjson"].loaded == 4


class TestCopies:
    def test_a_copy_goes_away_whatever_happens_and_those_of_the_dead_too(self, home, tmp_path):
        (tmp_path / "a.csv").write_bytes(b"a,b\r\n1,2\n")
        file = whole_file(tmp_path / "a.csv")
        settings().spill_dir.mkdir(parents=True)
        dead, alive = (settings().spill_dir / f"intake-{pid}-x" for pid in (2**22 + 1, os.getppid()))
        dead.touch()
        alive.touch()
        copies = ExitStack()
        copy = copies.enter_context(as_duckdb_reads(file, delimiter=","))
        assert copy.full.read_bytes() == b"a,b\n1,2\n"
        assert list(settings().spill_dir.glob("*")) != [alive]
        copies.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        assert list(settings().spill_dir.iterdir()) == [alive]

    def test_a_plain_file_is_not_copied(self, tmp_path):
        (tmp_path / "a.csv").write_bytes(b"a,b\r\n1,2\r\n")
        file = whole_file(tmp_path / "a.csv")
        with as_duckdb_reads(file, delimiter=",") as same:
            assert same is file


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(28, "No space left on device"),
        duckdb.IOException("No space left"),
        KeyError("x"),
    ],
)
@pytest.mark.parametrize("step", ["fingerprint", "whole_file", "type_rows"])
def test_what_is_not_the_files_fault_stops_the_run(lender, monkeypatch, error, step):
    def fail(*_args: object, **_more: object) -> WholeFile:
        raise error

    monkeypatch.setattr(ingest, step, fail)
    with pytest.raises(type(error)):
        lender.ingest()
    assert lender.held("transactions") == 0


def test_a_file_that_went_away_is_refused(lender, monkeypatch):
    gone = lender.deliver("transactions/a.csv", SALES)
    original = ingest.whole_file

    def take_away(full: Path, **more: object) -> WholeFile:
        gone.unlink(missing_ok=True)
        return original(full, **more)

    monkeypatch.setattr(ingest, "whole_file", take_away)
    assert refusals(lender) == {"a.csv": "unreadable: the file went away while it was read"}
