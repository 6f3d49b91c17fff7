"""Programs whose number of equivalence classes is known: `dpor` makes exactly one execution for each, and reaches every outcome.

`litmus/index.json` has the verified numbers; see its README for what counts as an operation.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from interleave import Budget, explore
from interleave.strategies.bounded import Bounded
from interleave.strategies.dpor import Dpor

FOLDER = Path(__file__).parent / "litmus"
PROGRAMS: list[dict[str, Any]] = json.loads((FOLDER / "index.json").read_text())["programs"]
#: Programs with more classes than this are left to `make torture`.
QUICK = 1_000
LARGEST = 20_000


@lru_cache
def load(file: str) -> ModuleType:
    """Import a program."""
    name = f"litmus_{file.removesuffix('.py')}"
    spec = importlib.util.spec_from_file_location(name, FOLDER / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def digest(outcomes: set[str]) -> str:
    """Return the SHA-256 of the sorted outcomes, as the index has it."""
    return hashlib.sha256("\n".join(sorted(outcomes)).encode()).hexdigest()


def check(program: dict[str, Any]) -> None:
    """Explore one program and compare with the index."""
    module, parameter = load(program["file"]), program["param"]
    outcomes: set[str] = set()

    def scenario() -> None:
        result = module.run() if parameter is None else module.run(parameter)
        outcomes.add(repr(("ok", result)))

    strategy = Dpor()
    budget = Budget(executions=program["traces"] + 10, steps=100_000)
    result = explore(scenario, strategy=strategy, budget=budget, stop_on_failure=False, races="off")
    assert result.exhausted
    assert result.executions == program["traces"]
    assert strategy.redundant == 0
    failing = sum(failure.count for failure in result.failures)
    # The largest programs have none of either, and the index does not say so.
    assert failing == program.get("deadlock_traces", 0) + program.get("error_traces", 0)
    if not failing:
        assert len(outcomes) == program.get("n_outcomes", len(outcomes))
        expected = program.get("outcomes_sha256")
        assert expected is None or digest(outcomes) == expected


def _name(program: dict[str, Any]) -> str:
    return f"{program['name']}-{program['param']}"


@pytest.mark.parametrize("program", [one for one in PROGRAMS if one["traces"] <= QUICK], ids=_name)
def test_one_execution_for_each_class(program: dict[str, Any]) -> None:
    check(program)


@pytest.mark.slow
@pytest.mark.parametrize("program", [one for one in PROGRAMS if QUICK < one["traces"] <= LARGEST], ids=_name)
def test_one_execution_for_each_class_of_large_programs(program: dict[str, Any]) -> None:
    check(program)


#: Programs with more classes than this are left to `make torture` where preemptions are bounded.
QUICK_BOUNDED = 12
BOUNDED = [one for one in PROGRAMS if one.get("preemption_bounded")]


def check_bounds(program: dict[str, Any], bounds: Sequence[int]) -> None:
    """Explore one program under each of some bounds on preemptions, and one more than all of its classes need."""
    module, parameter = load(program["file"]), program["param"]
    known: set[str] = set()
    for bound in [*bounds, 100]:
        expected = [*program["preemption_bounded"], *[program["traces"]] * 101][bound]
        outcomes: set[str] = set()

        def scenario(outcomes: set[str] = outcomes) -> None:
            outcomes.add(repr(module.run() if parameter is None else module.run(parameter)))

        strategy = Bounded(bound)
        budget = Budget(executions=expected + 10, steps=100_000)
        result = explore(scenario, strategy=strategy, budget=budget, stop_on_failure=False, races="off")
        assert result.exhausted
        assert result.executions == expected
        assert strategy.redundant == 0
        assert known <= outcomes
        known = outcomes
    assert strategy.scope == "every schedule"


@pytest.mark.parametrize("program", [one for one in BOUNDED if one["traces"] <= QUICK_BOUNDED], ids=_name)
def test_one_execution_for_each_class_within_a_bound(program: dict[str, Any]) -> None:
    check_bounds(program, [min(1, len(program["preemption_bounded"]) - 1)])


@pytest.mark.slow
@pytest.mark.parametrize("program", [one for one in BOUNDED if one["traces"] <= 700], ids=_name)
def test_one_execution_for_each_class_within_a_bound_of_large_programs(program: dict[str, Any]) -> None:
    check_bounds(program, range(len(program["preemption_bounded"])))
