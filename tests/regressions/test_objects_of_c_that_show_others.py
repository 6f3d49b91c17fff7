"""Objects of C and of the library that do not seem to change, and yet do, or show others that do: the orders of their uses were one."""

from __future__ import annotations

import copy
import decimal
import graphlib
import inspect
import logging
import logging.handlers
import re
import unittest
import urllib.request
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial, wraps
from types import SimpleNamespace
from typing import Any

import pytest

from interleave import explore
from tests.regressions.test_objects_that_lead_to_others import orders_that_fail
from tests.threads import together


def _match() -> SimpleNamespace:
    memory = bytearray(b"ab")
    return SimpleNamespace(memory=memory, match=re.match(b"(.)", memory))


def _overwrite(one: SimpleNamespace) -> None:
    one.memory[0] = 99


def _context() -> decimal.Context:
    return decimal.Context(prec=5)


def _divide(context: decimal.Context) -> None:
    context.divide(1, 3)


def _function() -> Callable[[], None]:
    def function() -> None: ...

    return function


def _class() -> type:
    return type("A", (), {})


def _rename(one: Any) -> None:
    one.__name__ = "b"


def _tree() -> ET.Element:
    return ET.fromstring("<a><b/></a>")


def _buffer() -> SimpleNamespace:
    logger, handler = logging.Logger("a"), logging.handlers.BufferingHandler(9)
    logger.addHandler(handler)
    return SimpleNamespace(logger=logger, buffer=handler.buffer)


def _numbers() -> Iterator[int]:
    return (number for number in [1])


@pytest.mark.parametrize(
    ("make", "look", "change"),
    [
        (_match, lambda one: one.match[1], _overwrite),
        (_match, lambda one: one.match.groups(), _overwrite),
        (_match, lambda one: f"{one.match}", _overwrite),
        (_match, lambda one: repr(one.match), _overwrite),
        (_context, lambda context: context.flags[decimal.Inexact], _divide),
        (_context, lambda context: context.flags[decimal.Inexact], lambda context: decimal.Decimal(2).sqrt(context)),
        (_context, lambda context: context.divide(1, 3), lambda context: setattr(context, "prec", 3)),
        (_context, lambda context: "prec=3" in repr(context), lambda context: setattr(context, "prec", 3)),
        (lambda: partial(dict, a=1), lambda one: one(), lambda one: one.keywords.update(b=2)),
        (_function, lambda one: one.__name__, _rename),
        (_function, lambda one: one.__doc__, lambda one: setattr(one, "__doc__", "a")),
        (_class, lambda one: one.__name__, _rename),
        (_class, lambda one: type(one()).__name__, _rename),
        (_numbers, lambda numbers: inspect.getgeneratorstate(numbers), next),
        (_numbers, lambda numbers: numbers.gi_frame is None, list),
        (_class, lambda one: "a" in dir(one()), lambda one: setattr(one, "a", 1)),
        (lambda: _class()(), lambda one: "a" in dict(inspect.getmembers(one)), lambda one: setattr(one, "a", 1)),
        (_tree, lambda tree: copy.deepcopy(tree)[0].text, lambda tree: setattr(tree[0], "text", "a")),
        (_tree, len, lambda tree: tree.remove(tree[0])),
        (_tree, lambda tree: [part.tag for part in tree], lambda tree: tree.clear()),
        (_tree, lambda tree: [part.tag for part in list(tree)], lambda tree: tree.clear()),
        (_tree, lambda tree: f"{tree}"[:12], lambda tree: setattr(tree, "tag", "b")),
        (lambda: defaultdict(list), lambda lists: lists[1], lambda lists: lists[1].append(1)),
        (lambda: logging.Logger("a"), str, lambda logger: logger.setLevel(1)),
        (logging.Handler, lambda handler: handler.name, lambda handler: handler.set_name("a")),
        (unittest.TestSuite, lambda suite: suite.countTestCases(), lambda suite: suite.addTest(unittest.FunctionTestCase(str))),
        (_buffer, lambda one: len(one.buffer), lambda one: one.logger.warning("a")),
    ],
)  # fmt: skip
def test_orders_are_found(make: Callable[[], Any], look: Callable[[Any], object], change: Callable[[Any], object]) -> None:
    assert orders_that_fail(make, look, change) == ["failed", "failed"]


def _sorter() -> Any:
    return graphlib.TopologicalSorter({"a": ["b"]})


@pytest.mark.parametrize(
    ("make", "look", "change"),
    [
        (_sorter, lambda sorter: sorter.prepare() or bool(sorter), lambda sorter: sorter.add("c")),
        (lambda: urllib.request.Request("http://a"), lambda one: one.get_header("A"), lambda one: one.add_header("a", "b")),
    ],
)  # fmt: skip
def test_nothing_is_proven(make: Callable[[], Any], look: Callable[[Any], object], change: Callable[[Any], object]) -> None:
    def scenario() -> None:
        shared = make()
        together(lambda: look(shared), lambda: change(shared))

    assert explore(scenario, strategy="dpor").verdict in ("failed", "inconclusive")


def test_decorators_that_name_what_they_return_are_proven() -> None:
    def named(function: Callable[[], str]) -> Callable[[], str]:
        def inner() -> str:
            return function()

        inner.__name__ = function.__name__
        return inner

    def scenario() -> None:
        def work() -> None:
            assert named(repr_of_nothing).__name__ == wraps(repr_of_nothing)(lambda: "").__name__ == "repr_of_nothing"

        together(work, work)

    assert explore(scenario, strategy="dpor").verdict == "proven"


def repr_of_nothing() -> str:
    return repr(None)


def test_text_that_a_pattern_has_matched_is_of_no_concern() -> None:
    def scenario() -> None:
        match = re.match("(.)", "ab")
        assert match is not None
        together(lambda: match[1] + match.group(1), lambda: f"{match}")

    result = explore(scenario, strategy="dpor")
    assert (result.verdict, result.executions) == ("proven", 1)
