"""Refuse a dependency whose licence is not on the list: python -m tests.licences, part of make lint.

The packages are those that pyproject.toml names, with dev, and what they need in turn, as installed; whatever else
is in the environment does not count. The list, with the reason for every exception, is licences.toml.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LIST = Path(__file__).with_name("licences.toml")
PROJECT = Path(__file__).parents[1] / "pyproject.toml"
CLASSIFIER = "License :: OSI Approved :: "


def needed(
    requirements: Iterable[str], find: Callable[[str], Distribution] = distribution
) -> dict[str, Distribution]:
    """Return the installed distributions that these requirements need, in turn too, by their names.

    A requirement for another machine or Python is left out, and so is one that is not installed.
    """
    by_name: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    open_ends = [(Requirement(text), "") for text in requirements]
    while open_ends:
        requirement, extra_of_parent = open_ends.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra_of_parent}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            found = find(name)
        except PackageNotFoundError:
            continue
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                by_name[name] = found
                open_ends += [(Requirement(text), extra) for text in found.requires or ()]
    return dict(sorted(by_name.items()))


def licence_of(package: Distribution) -> str:
    """Return what a package says of its licence: its SPDX expression, else its classifiers, else its free text."""
    told = package.metadata
    if expression := told.get("License-Expression"):
        return expression
    classifiers = told.get_all("Classifier", [])
    classified = " AND ".join(name.removeprefix(CLASSIFIER) for name in classifiers if CLASSIFIER in name)
    return classified or (told.get("License") or "none told").strip().split("\n", 1)[0]


def fault(name: str, licence: str, rules: Mapping[str, Any]) -> str | None:
    """Return a line if the licence of a package is neither allowed nor the one that an exception names.

    Every licence of an expression has to be allowed, whether they are joined by AND or by OR.
    """
    names, allowed = rules["names"], rules["allowed"]
    if names.get(licence, licence) == rules["exceptions"].get(name, {}).get("licence"):
        return None
    parts = [licence] if licence in names else re.split(r"\s+(?:AND|OR)\s+", licence)
    if all(names.get(part, part.strip("()")) in allowed for part in parts):
        return None
    return (
        f"{name}: its licence is {licence!r}, which is not allowed; "
        f"replace it, or add an exception with a reason to {LIST.name}"
    )


def main() -> int:
    """Check all packages, print a line for each fault, and return the exit code."""
    rules = tomllib.loads(LIST.read_text(encoding="utf-8"))
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    packages = needed([*project["dependencies"], *project["optional-dependencies"]["dev"]])
    faults = [line for name, package in packages.items() if (line := fault(name, licence_of(package), rules))]
    faults += [
        f"{name}: not needed, but an exception in {LIST.name}"
        for name in {*rules["exceptions"]} - {*packages}
    ]
    print(*(faults or [f"Licences: {len(packages)} packages, each allowed or a named exception"]), sep="\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
