"""Explore the scenario of one module in this process and print its part of the JSON report.

    python -m examples.case_studies.explored MODULE EXECUTIONS INCLUDE...

The release that MODULE imports is found by PYTHONPATH.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings

from interleave import Budget, explore
from interleave.report.machine import as_data


def main(module: str, executions: str, *include: str) -> None:
    warnings.simplefilter("ignore")
    scenario = importlib.import_module(module).scenario
    budget = Budget(executions=int(executions), hang=60)
    result = explore(scenario, include=include, budget=budget, isolate="globals", gil_label=False)
    print(json.dumps(as_data([result])["scenarios"][0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
