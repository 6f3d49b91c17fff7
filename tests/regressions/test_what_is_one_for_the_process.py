"""What the standard library keeps for the whole process was ordered with nothing: the standard output, filters of warnings, settings."""

from __future__ import annotations

import calendar
import contextlib
import decimal
import faulthandler
import io
import locale
import logging
import mimetypes
import os
import random
import sys
import tempfile
import textwrap
import threading
import time
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from interleave import explore
from tests.regressions.test_objects_that_lead_to_others import orders_that_fail
from tests.threads import together


def test_standard_output_is_exchanged_by_two_threads() -> None:
    before = sys.stdout

    def scenario() -> None:
        sys.stdout = before
        files = [io.StringIO(), io.StringIO()]

        def work(file: io.StringIO) -> None:
            with contextlib.redirect_stdout(file):
                print("a")

        together(lambda: work(files[0]), lambda: work(files[1]))
        assert [file.getvalue() for file in files] == ["a\n", "a\n"]

    try:
        assert explore(scenario, strategy="dpor").verdict == "failed"
    finally:
        sys.stdout = before


def test_standard_output_may_be_exchanged_under_a_lock() -> None:
    def scenario() -> None:
        lock = threading.Lock()

        def work() -> None:
            file = io.StringIO()
            with lock, contextlib.redirect_stdout(file):
                print("a")
            assert file.getvalue() == "a\n"

        together(work, work)

    assert explore(scenario, strategy="dpor").verdict == "proven"


def test_folder_is_left_for_a_while() -> None:
    here = os.getcwd()

    def scenario() -> None:
        os.chdir(here)
        seen = []

        def work() -> None:
            with contextlib.chdir(os.sep):
                pass

        together(lambda: seen.append(os.getcwd()), work)
        assert seen == [here]

    try:
        assert explore(scenario, strategy="dpor").verdict == "failed"
    finally:
        os.chdir(here)


def test_warnings_are_caught_by_two_threads() -> None:
    def scenario() -> None:
        # The filters are of the process: a failing execution leaves the wrong ones behind.
        warnings.resetwarnings()
        caught = []

        def work() -> None:
            with warnings.catch_warnings(record=True) as found:
                warnings.simplefilter("always")
                warnings.warn("a", stacklevel=1)
                caught.append(len(found))

        together(work, work)
        assert caught == [1, 1]

    with warnings.catch_warnings(record=True):
        assert explore(scenario, strategy="dpor").verdict == "failed"


def test_patch_is_seen_by_others() -> None:
    def scenario() -> None:
        box, seen = SimpleNamespace(n=1), []

        def work() -> None:
            with mock.patch.object(box, "n", 2):
                pass

        together(lambda: seen.append(box.n), work)
        assert seen == [1]

    assert explore(scenario, strategy="dpor").verdict == "failed"


def _logger() -> SimpleNamespace:
    file = io.StringIO()
    logger = logging.Logger("a")
    logger.addHandler(logging.StreamHandler(file))
    return SimpleNamespace(logger=logger, file=file)


@pytest.mark.parametrize(
    ("make", "look", "change"),
    [
        (lambda: sys.setrecursionlimit(1000), lambda _: sys.getrecursionlimit(), lambda _: sys.setrecursionlimit(1100)),
        (lambda: threading.stack_size(0), lambda _: threading.stack_size(), lambda _: threading.stack_size(1 << 20)),
        (lambda: setattr(tempfile, "tempdir", "/a"), lambda _: tempfile.gettempdir(), lambda _: setattr(tempfile, "tempdir", "/b")),
        (lambda: locale.setlocale(0, "C"), lambda _: locale.setlocale(0), lambda _: locale.setlocale(0, "C.UTF-8")),
        (lambda: os.environ.pop("A_B", None), lambda _: os.getenv("A_B"), lambda _: os.environ.update(A_B="1")),
        (lambda: os.environ.pop("A_B", None), lambda _: "A_B" in os.environ, lambda _: os.environ.setdefault("A_B", "1")),
        (lambda: random.Random(1), lambda numbers: numbers.random(), lambda numbers: numbers.seed(5)),
        (lambda: random.seed(1), lambda _: random.random(), lambda _: random.seed(5)),
        (_logger, lambda one: one.file.getvalue(), lambda one: one.logger.warning("a")),
        (_logger, lambda one: (one.logger.warning("a"), one.file.getvalue()), lambda one: one.logger.setLevel(logging.ERROR)),
        (_logger, lambda one: (one.logger.warning("a"), one.file.getvalue()), lambda one: setattr(one.logger, "disabled", True)),
    ],
)  # fmt: skip
def test_orders_are_found(make: Callable[[], Any], look: Callable[[Any], object], change: Callable[[Any], object]) -> None:
    limit, language = sys.getrecursionlimit(), locale.setlocale(locale.LC_CTYPE)
    folder = tempfile.gettempdir()
    try:
        assert orders_that_fail(make, look, change) == ["failed", "failed"]
    finally:
        sys.setrecursionlimit(limit)
        locale.setlocale(locale.LC_CTYPE, language)
        os.environ.pop("A_B", None)
        threading.stack_size(0)
        tempfile.tempdir = folder


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        (lambda: calendar.setfirstweekday(3), lambda: calendar.setfirstweekday(0)),
        (lambda: mimetypes.add_type("a/a", ".aaa"), mimetypes.init),
        (lambda: logging.addLevelName(3, "A"), lambda: logging.addLevelName(3, "B")),
        (faulthandler.disable, lambda: None),
        (time.tzset, lambda: None),
        (lambda: setattr(textwrap, "_whitespace", " "), lambda: setattr(textwrap, "_whitespace", "\t\n\x0b\x0c\r ")),
    ],
)
def test_settings_that_nothing_is_ordered_with_are_told(change: Callable[[], object], undo: Callable[[], object]) -> None:
    def scenario() -> None:
        undo()
        together(str, change)

    was_enabled = faulthandler.is_enabled()
    try:
        result = explore(scenario, strategy="dpor")
    finally:
        undo()
        if was_enabled:
            faulthandler.enable(sys.__stderr__)
    assert result.verdict == "inconclusive"
    assert "is ordered with nothing that depends on it" in result.uncontrolled[0]


def test_threads_that_calculate_in_one_context() -> None:
    def scenario() -> None:
        context = decimal.Context(prec=5)

        def calculate() -> None:
            decimal.setcontext(context)
            assert str(decimal.Decimal(1) / 3) == "0.33333"

        together(calculate, lambda: setattr(context, "prec", 3))

    assert explore(scenario, strategy="dpor", stop_on_failure=False).verdict == "failed"


def test_threads_that_calculate_in_contexts_of_their_own() -> None:
    def scenario() -> None:
        def calculate(digits: int) -> None:
            decimal.setcontext(decimal.Context(prec=digits))
            assert len(str(decimal.Decimal(1) / 3)) == digits + 2

        together(lambda: calculate(3), lambda: calculate(4))

    assert explore(scenario, strategy="dpor").verdict == "proven"


def test_threads_that_print_are_in_no_order() -> None:
    def scenario() -> None:
        def work(name: str) -> None:
            for number in range(3):
                print(name, number)

        together(lambda: work("a"), lambda: work("b"))

    result = explore(scenario, strategy="dpor")
    assert (result.verdict, result.executions) == ("proven", 1)


def test_threads_that_print_and_log_are_proven() -> None:
    def scenario() -> None:
        one = _logger()

        def work() -> None:
            print("a")
            one.logger.warning("a")

        together(work, work)
        assert one.file.getvalue() == "a\na\n"

    assert explore(scenario, strategy="dpor").verdict == "proven"
