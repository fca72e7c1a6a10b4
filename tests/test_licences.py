"""The check of licences: what is needed in turn, what a package tells, what is refused."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError

import pytest

from tests.licences import fault, licence_of, needed

RULES = {
    "allowed": ["MIT", "Apache-2.0", "BSD-3-Clause"],
    "names": {"MIT License": "MIT", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0"},
    "exceptions": {"certs": {"licence": "MPL-2.0", "reason": "a list"}},
}


class Made(Distribution):
    """A distribution that is only its metadata."""

    def __init__(self, *lines: str) -> None:
        self._text = "\n".join(("Metadata-Version: 2.4", *lines, ""))

    def read_text(self, filename):
        return self._text if filename == "METADATA" else None

    def locate_file(self, path):
        raise NotImplementedError


def test_what_is_needed_in_turn_is_found_and_nothing_else():
    installed = {
        "a": Made("Name: a", "Requires-Dist: b[fast]", "Requires-Dist: d; extra == 'tests'"),
        "b": Made("Name: b", "Requires-Dist: c; extra == 'fast'", "Requires-Dist: w; sys_platform == 'never'"),
        "c": Made("Name: c", "Requires-Dist: A"),
        "d": Made("Name: d"), "w": Made("Name: w"), "beside": Made("Name: beside"),
    }  # fmt: skip

    def find(name):
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    assert list(needed(["a>=1", "not-here"], find)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (["License-Expression: MIT", "Classifier: License :: OSI Approved :: BSD License"], "MIT"),
        (["Classifier: License :: OSI Approved :: BSD License"], "BSD License"),
        (["License: MIT License", "Classifier: License :: OSI Approved"], "MIT License"),
        (["License: The MIT License (MIT)", "        Permission is hereby"], "The MIT License (MIT)"),
        (["Classifier: License :: OSI Approved :: X", "Classifier: License :: OSI Approved :: Y"], "X AND Y"),
        ([], "none told"),
    ],
)
def test_what_a_package_tells_of_its_licence(lines, licence):
    assert licence_of(Made("Name: a", *lines)) == licence


@pytest.mark.parametrize(
    ("name", "licence", "allowed"),
    [
        ("a", "MIT", True),
        ("a", "MIT License", True),
        ("a", "Apache-2.0 OR (MIT AND BSD-3-Clause)", True),
        ("a", "MIT AND GPL-3.0-only", False),
        ("a", "MIT OR GPL-3.0-only", False),
        ("a", "(GPL-3.0-only)", False),
        ("a", "none told", False),
        ("a", "MPL-2.0", False),
        ("certs", "MPL-2.0", True),
        ("certs", "Mozilla Public License 2.0 (MPL 2.0)", True),
        ("certs", "GPL-3.0-only", False),
    ],
)  # fmt: skip
def test_a_licence_that_is_not_allowed_is_one_line_with_the_name_of_the_package(name, licence, allowed):
    line = fault(name, licence, RULES)
    assert (line is None) == allowed
    if line:
        assert line.startswith(f"{name}: ")
        assert licence in line
        assert "\n" not in line


def test_classifiers_of_allowed_and_other_licences_together_are_refused():
    made = Made("Name: a", "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: GNU General Public License (GPL)")  # fmt: skip
    assert fault("a", licence_of(made), RULES) is not None
