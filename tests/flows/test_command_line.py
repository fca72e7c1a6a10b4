"""The command line: what it lists, what it refuses, on which stream and with which exit code."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import duckdb
import pytest

from flows.__main__ import main

FLOWS = [
    "backfill", "backup", "compare", "deliver", "features", "finding", "forget", "ingest", "lead", "nightly",
    "promote", "publish", "replay", "replicate", "report", "restore", "retain", "review", "score", "stress", "train",
    "validate", "watch",
]  # fmt: skip


COMMANDS = ["draft", "contract", "sql", "check", "lake", "server", "worker"]
OF_MODELS = {"lightgbm", "numba", "pandas", "scipy", "shap", "sklearn", "torch", "xgboost"}


@pytest.fixture
def published(home: Path) -> Path:
    file = home / "published" / "portfolio.duckdb"
    file.parent.mkdir(parents=True)
    with duckdb.connect(file) as con:
        con.execute(
            "create schema marts; create table marts.t as select i as n, 'x,' || i as s from range(150) r(i)"
        )
    return file


def test_lists_every_flow_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[2:]]
    assert [name for name, _ in lines] == [*FLOWS, *COMMANDS]
    assert all(text.endswith(".") for _, text in lines)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["sql", "select 1"], ["sql", "--help"], ["draft", "--help"]]
)
def test_what_needs_no_model_imports_no_package_of_models_flows_or_gates(
    published: Path, arguments: list[str]
) -> None:
    program = (
        "import sys\nfrom flows.__main__ import main\n"
        "try:\n    code = main(sys.argv[1:])\nexcept SystemExit as end:\n    code = end.code\n"
        "print('imported', *sorted(sys.modules))\nsys.exit(code)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    imported = set(ran.stdout.splitlines()[-1].split())
    assert "polars" in imported
    assert not {*OF_MODELS, "great_expectations", "prefect"} & imported


def test_flows_import_the_packages_of_models_only_where_they_need_them(home: Path) -> None:
    names = ("backup", "deliver", "features", "forget", "ingest", "publish", "restore", "retain", "validate")
    program = (
        "import sys\nfrom importlib import import_module\n"
        f"for names in {names, tuple(FLOWS)}:\n    for name in names:\n        import_module(f'flows.{{name}}')\n"
        "    print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    without_models, every_flow = (set(line.split()) for line in ran.stdout.splitlines())
    assert "prefect" in without_models
    assert not OF_MODELS & without_models
    assert "sklearn" in every_flow
    assert not {"dask", "great_expectations", "shap", "skops", "torch"} & every_flow


def test_the_help_of_a_flow_starts_no_server(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    homes: list[Path] = []
    monkeypatch.setattr("flows.__main__.own_server", homes.append)
    with pytest.raises(SystemExit) as end:
        main(["deliver", "--help"])
    assert end.value.code == 0
    assert "--history-days" in capsys.readouterr().out
    assert main(["deliver", "--enterprises", "99"]) == 2
    assert homes == [home]


def test_a_process_ends_after_its_exit_handlers_without_clearing_its_objects() -> None:
    program = (
        "import atexit\nfrom flows._last_line import Ending\n"
        "class Loud:\n    def __del__(self):\n        print('cleared', flush=True)\n"
        "kept = Loud()\nending = Ending()\natexit.register(print, 'handler')\nprint('work')\n"
        "ending.code = {code}\nraise SystemExit(0)"
    )
    ends = {
        code: subprocess.run(
            [sys.executable, "-c", program.format(code=code)], capture_output=True, text=True, check=False
        )
        for code in (3, None)
    }
    assert (ends[3].returncode, ends[3].stdout) == (3, "work\nhandler\n")
    assert (ends[None].returncode, ends[None].stdout) == (0, "work\nhandler\ncleared\n")


def test_unknown_flow_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nigthly"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("no flow named 'nigthly'; known: ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--enterprises", "99"], "--enterprises: Input should be greater than or equal to 100 (got '99')"),
        (["--enterprises", "many"], "--enterprises: Input should be a valid integer"),
        (["--as-of", "31.01.2026"], "--as-of: Input should be a valid date"),
        (
            ["--source", "excel"],
            "--source: Input should be 'simulated', 'cumcm2020c' or 'folder' (got 'excel')",
        ),
        (["--partitions", "0"], "--partitions: Input should be greater than or equal to 1"),
        (["--source", "folder"], "--landing DIR goes with --source folder"),
        (["--portfolio", "My Bank"], "--portfolio: String should match pattern"),
        (["--portfolio", "a" * 101], "--portfolio: String should have at most 100 characters"),
        (["--seed", "9" * 120], "--seed: Input should be less than or equal to 2147483647"),
    ],
)
def test_bad_value_is_one_line_on_standard_error(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert main(["nightly", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert expected in shown.err


@pytest.mark.parametrize(
    ("name", "value"),
    [("THREADS", "0"), ("TIMEZONE", "Mars/Olympus"), ("REQUIRED_FEEDS", "enterprises,payments")],
)
def test_a_wrong_setting_is_one_line_on_standard_error(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"NIGHTLEDGER_{name}", value)
    assert main(["nightly"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"nightly refused: NIGHTLEDGER_{name}: ")
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["wide-and-deep", "--dataset", "Australian"], "goes with --dataset simulated, sba, taiwan_default"),
        (["voting-ensemble", "--dataset", "sba"], "sba is not one of them"),
        (
            ["wide-and-deep", "--dataset", "sba", "--protocol", "leaky"],
            "goes with --protocol honest, sensitivity",
        ),
        (["voting-ensemble", "--protocol", "sensitivity"], "goes with --protocol honest, tuned, leaky"),
        (
            ["operational-risk", "--protocol", "tuned"],
            "goes with --protocol honest; tuned is not one of them",
        ),
        (["wide-and-deep", "--dataset", "sba", "--protocol", "sensitivity"], "goes with --dataset simulated"),
        (["wide-and-deep", "--dataset", "sba", "--sensitive", "use"], "taiwan_default only"),
        (["voting-ensemble", "--dataset", "Taiwan", "--sensitive", "use"], "taiwan_default only"),
    ],
)
def test_a_replication_refuses_what_its_paper_does_not_know(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert main(["replicate", "--paper", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert expected in shown.err


def test_every_flow_bounds_the_name_of_a_portfolio() -> None:
    unbounded = []
    for name in FLOWS:
        flow = getattr(importlib.import_module(f"flows.{name}"), name)
        field = get_type_hints(flow.fn)["run"].model_fields.get("portfolio")
        if field is not None and "max_length=100" not in f"{field.annotation} {field.metadata}":
            unbounded.append(name)
    assert unbounded == []


def test_unknown_option_is_wrong_usage(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nightly", "--asof", "2026-06-30"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --asof" in capsys.readouterr().err


@pytest.mark.parametrize("flow", FLOWS)
def test_help_explains_each_option(home: Path, flow: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([flow, "--help"])
    assert ended.value.code == 0
    assert f"usage: python -m flows {flow}" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_a_command_that_is_no_flow(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: python -m flows {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["draft", "--file", "a.csv", "--feed", "transaction"],
            "argument --feed: invalid choice: 'transaction'",
        ),
        (["draft"], "the following arguments are required: --file, --feed"),
        (["contract", "--feed", "invoices"], "argument --feed: invalid choice: 'invoices'"),
        (["sql"], "one of the arguments query --example is required"),
    ],
)
def test_wrong_arguments_of_a_command_are_one_line(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"python -m flows {arguments[0]}: {expected}")
    assert shown.count("\n") == 1


def test_commands_that_are_no_flows_do_not_wait_for_prefect() -> None:
    program = (
        "import sys; from flows.__main__ import main\n"
        "assert main(['contract', '--feed', 'outcomes']) == 0\n"
        "assert main(['draft', '--file', 'gone.csv', '--feed', 'outcomes']) == 1\n"
        "assert not {name.split('.')[0] for name in sys.modules} & {'prefect', 'great_expectations', 'torch'}"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "draft refused: no file at gone.csv\n")


def test_sql_formats(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "from marts.t order by n limit 2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 rows"
    assert main(["sql", "from marts.t order by n limit 2", "--format", "csv"]) == 0
    assert capsys.readouterr().out == 'n,s\n0,"x,0"\n1,"x,1"\n'
    assert main(["sql", "from wh.marts.t order by n limit 2", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 0, "s": "x,0"}, {"n": 1, "s": "x,1"}]


def test_sql_table_says_what_it_leaves_out(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "from marts.t"]) == 0
    assert (
        capsys.readouterr().out.splitlines()[-1] == "150 rows, the first 100 shown; --format csv prints all"
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("from marts.nothing", "Table with name nothing does not exist"),
        ("selec 1", "syntax error"),
        ("delete from marts.t", "this does not only read"),
    ],
)
def test_bad_query_is_refused_in_one_line(
    published: Path, capsys: pytest.CaptureFixture[str], query: str, expected: str
) -> None:
    assert main(["sql", query]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("sql refused: ")
    assert expected in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_an_interrupt_is_told_in_one_line_also_from_within_a_query(
    home: Path, raised: BaseException, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import publish

    def interrupted(run: publish.PublishParameters) -> None:
        raise raised

    interrupted.fn = interrupted  # type: ignore[attr-defined]
    monkeypatch.setattr(publish, "publish", interrupted)
    interrupted.__annotations__["run"] = publish.PublishParameters
    assert main(["publish"]) == 1
    assert capsys.readouterr().err == "publish interrupted: nothing half written; run it again\n"
    assert not (home / "logs").exists()


def test_no_line_of_ours_steers_the_terminal(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "evil\x1b[31m\u202e\nname.csv"
    file.write_text("a\x1b]0;title\x07,b\n1,2\n")
    program = (
        "import logging, sys; from flows.__main__ import main, show_progress\n"
        "assert main(['draft', '--file', sys.argv[1], '--feed', 'outcomes']) in {0, 1}\n"
        "assert main(['draft', '--file', sys.argv[1] + 'gone', '--feed', 'outcomes']) == 1\n"
        "show_progress(); logging.getLogger('nightledger.warehouse').info('file %s', sys.argv[1])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True
    )
    assert not set(ended.stdout + ended.stderr) & set("\x1b\x07\u202e\r\t")
    assert ended.stdout.splitlines()[-1].endswith("evil\\x1b[31m\\u202e\\nname.csv")
    assert "evil\\x1b[31m\\u202e name.csvgone" in ended.stderr


def test_sql_before_the_first_night(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "select 1"]) == 1
    assert "nothing is published yet" in capsys.readouterr().err
