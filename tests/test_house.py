"""The rules that the house claims: lengths of modules, the map of rooms and flows, links, numbers of decisions."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAP = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *DECISIONS)
ROOMS = {
    f"{file.parent.relative_to(ROOT)}/"
    for form in ("[!.]*/__init__.py", "[!.]*/*/__init__.py")
    for file in ROOT.glob(form)
    if "tests" not in file.parts
}
HOUSE = {path.split("/")[0] for path in ROOMS}

LINES = {"flows": 130, "tasks": 130}  # and any other room:
OTHER_LINES = 320
COMMAND_LINE = "flows/__main__.py"  # no flow


def modules(room: str) -> list[Path]:
    """Return the modules of a room, without those of a room inside it."""
    return sorted((ROOT / room).glob("*.py"))


def table(heading: str) -> list[list[str]]:
    """Return the cells of the rows of the table under a heading of the map."""
    section = MAP.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


@cache
def distributions() -> Mapping[str, list[str]]:
    """Return the installed distributions of each package that can be imported; read once, since it takes a second."""
    return packages_distributions()


def packages(file: Path) -> set[str]:
    """Return the distributions that a module imports, without Python's own modules and ours."""
    imported = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    installed = distributions()
    return {
        installed.get(name, [name])[0].lower().replace("_", "-")
        for name in imported - set(sys.stdlib_module_names) - HOUSE
    }


def test_no_module_is_longer_than_its_room_allows():
    longer = set()
    for room in ROOMS:
        for file in modules(room):
            name = str(file.relative_to(ROOT))
            limit = OTHER_LINES if name == COMMAND_LINE else LINES.get(room.rstrip("/"), OTHER_LINES)
            if len(file.read_text(encoding="utf-8").splitlines()) > limit:
                longer.add(name)
    assert longer == set()


def test_the_map_tells_the_limits():
    assert f"at most {LINES['flows']} lines, any other module at most {OTHER_LINES}" in MAP


def test_the_map_lists_the_flows():
    flows = {file.stem for file in (ROOT / "flows").glob("[!_]*.py")}
    listed = [row[0].strip("`") for row in table("Flows")]
    assert sorted(listed) == sorted(flows)


def test_the_map_lists_the_rooms():
    assert sorted(row[0].strip("`") for row in table("Rooms")) == sorted({*ROOMS, "sql/"})


@pytest.mark.parametrize("row", table("Rooms"), ids=lambda row: row[0].strip("`"))
def test_the_map_names_the_packages_that_a_room_imports(row):
    room, _, listed = row
    imported = set().union(*map(packages, modules(room.strip("`"))))
    assert listed == ", ".join(sorted(imported))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_to_exists(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_every_decision_has_a_number_of_its_own_and_begins_with_it():
    numbers = Counter(file.name[:4] for file in DECISIONS)
    assert [number for number, times in numbers.items() if times > 1] == []
    for file in DECISIONS:
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", file.name)
        assert file.read_text(encoding="utf-8").startswith(f"# {file.name[:4]} "), file.name


@pytest.mark.parametrize("name", ["README.md", "docs/threats.md"])
def test_every_test_that_a_page_of_promises_names_exists(name):
    page = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)`(?:: ((?:`\w+`(?:, )?)+))?", page)
    assert len(named) > 8
    missing = set()
    for path, tests in named:
        text = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).exists() else ""
        wanted = [
            f"def {name}(" if name.startswith("test") else f"class {name}:"
            for name in re.findall(r"\w+", tests)
        ]
        missing |= {f"{path}: {words}" for words in ["", *wanted] if not text or words not in text}
    assert missing == set()
