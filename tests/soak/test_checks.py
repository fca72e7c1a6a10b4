"""Each check of the soak finds what it is for: a home is spoilt in one way, and one line says so."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.soak.checks import findings, findings_at_the_end, message_findings, opened
from tests.soak.equality import differences
from tests.soak.night import ENTERPRISES, PORTFOLIO
from tests.soak.programs import Ended
from warehouse.connection import writer

DAY = date(2026, 6, 30)
MANY = f"range(1, {ENTERPRISES + 1}) as numbers(i)"
KEY = f"'{PORTFOLIO}', '{DAY}'"
ROWS = {
    "ops.run_ledger (run_id, flow, portfolio, as_of_date, status)": f"select 'r1', 'nightly', {KEY}, 'done'",
    "ops.file_ledger (feed, path, file_hash, status, delivered, loaded, quarantined, exact_duplicates, run_id)":
        "select 'legal_cases', 'a.csv', 'h', 'loaded', 4, 2, 1, 1, 'r1'",
    "raw.legal_cases (portfolio, known_at, role, case_id, filed_on, enterprise_id, file_hash, run_id, loaded_at)":
        f"select {KEY}, 'plaintiff', 'c' || i, '{DAY}', 'E1', 'h', 'r1', now()::timestamp from range(2) as t(i)",
    "ops.quarantine (path, file_hash, file_row, rule)": "select 'a.csv', 'h', 3, 'x'",
    "scores.portfolio_scores (portfolio, as_of_date, enterprise_id, model_family, model_role, pd, run_id, scored_at)":
        f"select {KEY}, 'E' || i, 'f', 'champion', 0.1, 'r1', now()::timestamp from {MANY}",
    "scores.contributions (portfolio, as_of_date, enterprise_id, model_family, model_role, feature, run_id)":
        f"select {KEY}, 'E1', 'f', 'champion', 'other', 'r1'",
    "ops.monitoring (portfolio, as_of_date, measure, run_id)": f"select {KEY}, 'm', 'r1'",
    "marts.mart_portfolio_latest (portfolio, as_of_date, enterprise_id)": f"select {KEY}, 'E' || i from {MANY}",
}  # fmt: skip
AGAIN = "insert into wh.{0} from wh.{0} limit 1"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one small night, published as it is."""
    home = tmp_path_factory.mktemp("good") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home))
        with writer(purpose="test") as con:
            for columns, rows in ROWS.items():
                con.execute(f"insert into wh.{columns} {rows}")
    published = home / "published"
    published.mkdir()
    shutil.copy(home / "warehouse.duckdb", published / "portfolio.duckdb")
    (home / "reports" / PORTFOLIO).mkdir(parents=True)
    (home / "reports" / PORTFOLIO / f"report-{DAY}.html").touch()
    with opened(home) as con:
        for link in ("portfolio_scores", "contributions", "score_changes"):
            part = published / link / f"portfolio={PORTFOLIO}" / f"as_of_date={DAY}"
            part.mkdir(parents=True)
            con.execute(f"copy wh.scores.{link} to '{part / 'rows.parquet'}'")
    return home


@pytest.fixture
def home(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "home"))


def spoil(file: Path, statement: str) -> None:
    with duckdb.connect() as con:
        con.execute(f"attach '{file}' as wh")
        con.execute(statement)


def test_nothing_is_wrong_with_a_good_home(good: Path) -> None:
    assert findings(good) == []
    assert findings_at_the_end(good, DAY) == []
    assert differences(good, good) == []


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("update wh.ops.file_ledger set exact_duplicates = 0", "a file does not add up: a.csv"),
        ("delete from wh.raw.legal_cases where case_id = 'c0'", "raw and the ledger of files disagree: legal_cases h"),
        ("update wh.raw.legal_cases set file_hash = 'g'", "raw and the ledger of files disagree: legal_cases"),
        ("delete from wh.ops.quarantine", "quarantine and the ledger of files disagree: h"),
        (AGAIN.format("raw.legal_cases"), "doubled in raw.legal_cases"),
        (AGAIN.format("scores.portfolio_scores"), "doubled in scores.portfolio_scores"),
        (AGAIN.format("scores.contributions"), "doubled in scores.contributions"),
        (AGAIN.format("ops.monitoring"), "doubled in ops.monitoring"),
        ("update wh.ops.monitoring set run_id = 'r2'", "rows of a run that the ledger does not know: monitoring r2"),
        ("update wh.ops.run_ledger set status = 'aborted'", "a run is told as aborted before its scores"),
        ("update wh.ops.run_ledger set status = 'running'", "scores of a run that is told as running: r1"),
        ("delete from wh.ops.monitoring", "a night that is told as done was not watched: r1"),
        ("update wh.ops.run_ledger set status = 'finished'", "a status that nobody knows: r1 finished"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_warehouse_is_found(home: Path, statement: str, line: str) -> None:
    spoil(home / "warehouse.duckdb", statement)
    assert any(wrong.startswith(line) for wrong in findings(home)), findings(home)


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("delete from wh.scores.portfolio_scores", "a run that is told as done or published has other scores"),
        ("delete from wh.scores.portfolio_scores where enterprise_id = 'E2'", "a published night is not whole"),
        (
            "update wh.scores.portfolio_scores set run_id = 'r2' where enterprise_id = 'E2'",
            "a published night is not whole",
        ),
        ("update wh.scores.contributions set run_id = 'r0'", "scores and contributions in the copy are of different"),
        (
            "delete from wh.marts.mart_portfolio_latest where enterprise_id = 'E2'",
            "the latest night in the copy is not whole",
        ),
        ("update wh.ops.run_ledger set status = 'scored'", "a night in the copy is told as running or scored"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_copy_is_found(home: Path, statement: str, line: str) -> None:
    spoil(home / "published" / "portfolio.duckdb", statement)
    assert any(wrong.startswith(line) for wrong in findings(home)), findings(home)
    assert findings(home, copy_damaged=True) == []


@pytest.mark.parametrize("kept", [0, 20_000, 0.5])
@pytest.mark.parametrize("file", ["warehouse.duckdb", "published/portfolio.duckdb"])
def test_what_cannot_be_read_is_found(home: Path, file: str, kept: float) -> None:
    whole = (home / file).read_bytes()
    (home / file).write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))] or b"rubbish")
    assert any(wrong.startswith("cannot be read") for wrong in findings(home)), findings(home)


def test_a_truncated_partition_is_found(home: Path) -> None:
    file = next((home / "published" / "portfolio_scores").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-20])
    assert any(wrong.startswith("cannot be read") for wrong in findings(home)), findings(home)


@pytest.mark.parametrize(
    "name",
    ["published/.portfolio-r2-abc.duckdb", "published/.link-abc", "spill/duckdb_temp.tmp", "warehouse.duckdb.wal"],
)  # fmt: skip
def test_what_is_left_behind_is_found(home: Path, name: str) -> None:
    (home / name).parent.mkdir(exist_ok=True)
    (home / name).touch()
    assert f"left behind: {name}" in findings_at_the_end(home, DAY)


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("update wh.ops.run_ledger set status = 'running'", "a run is still told as running: r1"),
        ("update wh.ops.run_ledger set status = 'published'", "a night is not told as done"),
        (
            "update wh.scores.portfolio_scores set pd = 0.2 where enterprise_id = 'E7'",
            "the copy has other scores",
        ),
    ],
)
def test_a_night_that_has_not_ended_well_is_found(home: Path, statement: str, line: str) -> None:
    spoil(home / "warehouse.duckdb", statement)
    assert any(wrong.startswith(line) for wrong in findings_at_the_end(home, DAY))


@pytest.mark.parametrize(
    ("code", "out", "err", "line"),
    [
        (2, "", "nightly: --as-of", "exit code 2"),
        (-11, "", "", "exit code -11: no line"),
        (1, "", "", "exit code 1 without a line"),
        (1, "", "a\nb", "2 lines on standard error"),
        (0, "", "warning", "exit code 0 with a line"),
        (1, "", "nightly failed: KeyError: 'a'", "a bare error"),
        (1, "Traceback (most recent call last):", "x", "a traceback on standard output"),
    ],
)
def test_a_message_that_is_not_one_line_is_found(code: int, out: str, err: str, line: str) -> None:
    assert any(wrong.startswith(line) for wrong in message_findings(Ended("nightly", code, out, err, 1.0)))


@pytest.mark.parametrize(("code", "err"), [(0, ""), (1, "nightly refused: no champion")])
def test_nothing_is_wrong_with_success_and_with_one_line(code: int, err: str) -> None:
    assert message_findings(Ended("nightly", code, "00:00:01  deliver", err, 1.0)) == []


@pytest.mark.parametrize(
    ("file", "statement", "line"),
    [
        ("warehouse.duckdb", "update wh.scores.portfolio_scores set pd = 0.3", "scores.portfolio_scores: 120"),
        ("warehouse.duckdb", "delete from wh.raw.legal_cases where case_id = 'c1'", "raw.legal_cases: 0 rows only"),
        ("warehouse.duckdb", "update wh.ops.file_ledger set loaded = 3", "rows of files: 1 rows only here"),
        ("warehouse.duckdb", "delete from wh.ops.quarantine", "quarantine: 0 rows only here, 1"),
        ("published/portfolio.duckdb", "delete from wh.ops.monitoring", "ops.monitoring of the copy: 0 rows only here"),
    ],
)  # fmt: skip
def test_a_home_that_differs_is_found(good: Path, home: Path, file: str, statement: str, line: str) -> None:
    spoil(home / file, statement)
    assert any(wrong.startswith(line) for wrong in differences(home, good)), differences(home, good)


def test_who_wrote_a_row_and_when_is_no_difference(good: Path, home: Path) -> None:
    spoil(
        home / "warehouse.duckdb",
        "update wh.scores.portfolio_scores set run_id = 'r9', scored_at = now()::timestamp",
    )
    assert differences(home, good) == []


@pytest.mark.parametrize(
    ("values", "differs"),
    [((0.1, 0.1 + 1e-16), False), ((1e-18, -3e-18), False), ((0.0, -1e-18), False), ((1e6, 1e6 + 1e-9), False),
     ((0.1, 0.1 + 1e-8), True), ((0.0, 1e-9), True)],
)  # fmt: skip
def test_the_last_digits_of_a_sum_are_no_difference(
    good: Path, home: Path, tmp_path: Path, values: tuple[float, float], differs: bool
) -> None:
    other = Path(shutil.copytree(good, tmp_path / "other"))
    for folder, value in zip((home, other), values, strict=True):
        spoil(folder / "warehouse.duckdb", f"update wh.scores.portfolio_scores set pd = {value!r}::double")
    assert bool(differences(home, other)) == differs
