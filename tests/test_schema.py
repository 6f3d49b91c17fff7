"""The JSON that is written follows the schema that is shipped, and the schema names everything that is written."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from interleave.explore import explore
from interleave.loading import find_scenarios
from interleave.report.machine import VERSION, as_data
from interleave.result import Budget, Result
from tests.test_report import results

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parent.parent / "interleave" / "report" / "schema.json").read_text(encoding="utf-8"))


def strict() -> dict[str, Any]:
    """Return the schema without leave for fields that it does not name: readers have it, for what later releases add; tests do not."""
    schema = copy.deepcopy(SCHEMA)
    for part in parts(schema):
        if "properties" in part:
            part["additionalProperties"] = False
    return schema


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from parts(one)


def check(found: list[Result]) -> dict[str, Any]:
    # As a reader gets it.
    data: dict[str, Any] = json.loads(json.dumps(as_data(found)))
    Draft202012Validator(strict()).validate(data)
    return data


def test_schema_is_one_and_of_this_version() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["version"]["const"] == VERSION


def test_every_field_is_required_and_described() -> None:
    for part in parts(SCHEMA):
        if "properties" in part:
            assert part["required"] == list(part["properties"])
            for name, field in part["properties"].items():
                assert field.keys() & {"description", "$ref", "enum"}, name


def test_results_made_by_hand_follow_it() -> None:
    assert len(check(results())["scenarios"]) == len(results())


_SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("cache", "mcp_context", "fixed.metrics")]


@pytest.mark.parametrize("target", ["deadlock", *_SLOW])
def test_real_results_follow_it(target: str) -> None:
    options: list[dict[str, Any]] = [{}, {"strategy": "pct"}, {"strategy": "dpor", "preemptions": 1}, {"races": "harmful"}]
    found = []
    for number, scenario in enumerate(find_scenarios(f"targets.{target}")):
        chosen = options[number % len(options)]
        found.append(explore(scenario.function, stop_on_failure=number % 2 == 0, budget=Budget(executions=15), **chosen))
    data = check(found)
    assert {one["verdict"] for one in data["scenarios"]} & {"failed", "proven"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"version": 2}, "1 was expected"),
        ({"scenarios": [{}]}, "'name' is a required property"),
        ({"extra": 1}, "Additional properties are not allowed"),
    ],
)
def test_schema_would_notice(change: dict[str, Any], complaint: str) -> None:
    data = {**json.loads(json.dumps(as_data(results()))), **change}
    assert any(complaint in error.message for error in Draft202012Validator(strict()).iter_errors(data))
