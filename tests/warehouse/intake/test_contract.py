"""The data contract of each feed says what its declaration says, in the shape of the Open Data Contract Standard 3."""

from __future__ import annotations

import re

import pytest
import yaml

from flows.__main__ import main
from warehouse.intake.contract import contract_text
from warehouse.intake.feeds import FEEDS

# what the JSON schema of the standard (odcs-json-schema-v3.0.2-strict.json) asks for and allows
REQUIRED = {"apiVersion", "kind", "id", "version", "status"}
ALLOWED = {
    "contract": REQUIRED | {"name", "description", "schema"},
    "object": {
        *(
            "name",
            "logicalType",
            "physicalType",
            "description",
            "dataGranularityDescription",
            "properties",
            "quality",
        ),
    },
    "property": {
        *(
            "name",
            "logicalType",
            "physicalType",
            "required",
            "logicalTypeOptions",
            "primaryKey",
            "primaryKeyPosition",
        ),
        *("description", "classification", "examples"),
    },
    "quality": {"name", "type", "dimension", "severity", "description"},
}
LOGICAL = {"string", "date", "number", "integer", "object", "array", "boolean"}
DIMENSIONS = {"accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"}


@pytest.fixture(params=FEEDS.values(), ids=FEEDS)
def feed(request):
    return request.param


@pytest.fixture
def contract(feed):
    return yaml.safe_load(contract_text(feed))


def test_it_has_the_structure_of_the_standard(contract):
    assert REQUIRED <= set(contract) <= ALLOWED["contract"]
    assert contract["kind"] == "DataContract"
    assert re.fullmatch(r"v3\.0\.\d", contract["apiVersion"])
    assert set(contract["description"]) <= {"purpose", "usage", "limitations"}
    (table,) = contract["schema"]
    assert {"name", "properties"} <= set(table) <= ALLOWED["object"]
    for listed in table["properties"]:
        assert {"name"} <= set(listed) <= ALLOWED["property"]
        assert listed["logicalType"] in LOGICAL
        assert isinstance(listed["required"], bool)
    for rule in table["quality"]:
        assert set(rule) == ALLOWED["quality"]
        assert rule["type"] == "text"
        assert rule["dimension"] in DIMENSIONS


def test_its_columns_are_those_of_the_feed(feed, contract):
    listed = {column["name"]: column for column in contract["schema"][0]["properties"]}
    assert list(listed) == [column.name for column in feed.columns]
    for column in feed.columns:
        told = listed[column.name]
        assert (told["physicalType"], told["required"]) == (column.type, column.required)
        assert (told["classification"] == "personal") == (column.pii or column.free_text)
        assert (told["classification"] == "sensitive") == column.sensitive
        if column.choices:
            pattern = re.compile(told["logicalTypeOptions"]["pattern"])
            assert all(pattern.search(choice) for choice in column.choices)
            assert not pattern.search(column.choices[0] + "x")
    keys = {column["primaryKeyPosition"]: name for name, column in listed.items() if column.get("primaryKey")}
    assert tuple(keys[position] for position in sorted(keys)) == feed.key


def test_the_command_prints_it(feed, capsys):
    assert main(["contract", "--feed", feed.name]) == 0
    assert capsys.readouterr().out == contract_text(feed)


def test_an_unknown_feed_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["contract", "--feed", "loans"])
    assert ended.value.code == 2
    assert "invalid choice: 'loans'" in capsys.readouterr().err
