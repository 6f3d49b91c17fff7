"""What is kept in mind of the functions in scope, from one exploration to the next, keeps no module alive."""

from __future__ import annotations

import gc
import types
import weakref

from interleave import Budget, explore


def nothing() -> None:
    """Do nothing."""


def test_functions_of_a_module_that_is_gone_are_forgotten() -> None:
    module = types.ModuleType("soon_gone")
    exec("n = 0\ndef count():\n    global n\n    n += 1\n", vars(module))
    function = weakref.ref(module.count)
    explore(nothing, budget=Budget(executions=1))
    explore(nothing, budget=Budget(executions=1))
    del module
    gc.collect()
    assert function() is None
