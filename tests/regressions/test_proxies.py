"""What is done through a proxy was no operation, or one on the proxy, not on the object behind it: programs that race there were proven."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from interleave import explore
from tests.installed import installed
from tests.threads import together

_PACKAGE = '''
import functools
import operator


class PassedOn:
    """Says which function of C a special method is."""

    def __init__(self, function):
        self._function = function

    def __get__(self, proxy, _):
        return functools.partial(self._function, object.__getattribute__(proxy, "_behind"))


class Proxy:
    def __init__(self, behind):
        object.__setattr__(self, "_behind", behind)

    __getattr__ = PassedOn(getattr)
    __setattr__ = PassedOn(setattr)
    __getitem__ = PassedOn(operator.getitem)
    __setitem__ = PassedOn(operator.setitem)
    __iadd__ = PassedOn(operator.iadd)


class Numbers:
    def __getattr__(self, name):
        self.asked = vars(self).get("asked", 0) + 1
        return self.asked
'''


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Return an installed package of one module."""
    with installed(tmp_path_factory.mktemp("environment"), "proxies_for_a_test", _PACKAGE) as module:
        yield module


class _Counter:
    def __init__(self) -> None:
        self.n = 0


@pytest.mark.parametrize("is_weak", [True, False])
def test_attribute_behind_a_proxy(package: ModuleType, is_weak: bool) -> None:
    def scenario() -> None:
        counter = _Counter()
        through: Any = weakref.proxy(counter) if is_weak else package.Proxy(counter)

        def count() -> None:
            through.n += 1

        def count_directly() -> None:
            counter.n += 1

        together(count, count_directly)
        assert counter.n == 2

    assert explore(scenario, strategy="dpor").failures[0].kind == "assertion"


def test_item_behind_two_proxies(package: ModuleType) -> None:
    def scenario() -> None:
        items = {"n": 0}
        proxies = [package.Proxy(items), package.Proxy(items)]

        def count(through: Any) -> None:
            through["n"] += 1

        together(lambda: count(proxies[0]), lambda: count(proxies[1]))
        assert items["n"] == 2

    assert explore(scenario, strategy="dpor").failures[0].kind == "assertion"


def test_list_changed_in_place_behind_a_proxy(package: ModuleType) -> None:
    def scenario() -> None:
        items = [0]
        proxy = package.Proxy(items)

        def add() -> None:
            through = proxy
            through += [1]

        def add_another() -> None:
            if len(items) == 1:
                items.append(2)

        together(add, add_another)
        assert len(items) == 3

    assert explore(scenario, strategy="dpor").failures[0].kind == "assertion"


def test_proxy_under_a_lock_is_proven() -> None:
    def scenario() -> None:
        counter, lock = _Counter(), threading.Lock()
        through = weakref.proxy(counter)

        def count() -> None:
            with lock:
                through.n += 1

        together(count, count)
        assert counter.n == 2

    assert explore(scenario, strategy="dpor").verdict == "proven"


def test_getattr_of_a_package_is_code_of_it(package: ModuleType) -> None:
    def scenario() -> None:
        numbers = package.Numbers()
        together(lambda: numbers.next, lambda: numbers.next)

    result = explore(scenario)
    assert result.verdict == "inconclusive"
    assert "proxies_for_a_test" in result.uncontrolled[0]
