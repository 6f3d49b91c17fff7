"""What is reached in an unusual way was ordered with nothing: through proxies, chains of dictionaries, bodies of classes, libraries."""

from __future__ import annotations

import contextlib
import enum
import queue
import threading
import weakref
from collections import ChainMap, UserDict
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest

from interleave import explore
from tests.threads import together

rate = 0


class Color(enum.Enum):
    RED = 1


class Plain:
    n = 0

    def method(self) -> None:
        pass


def _store(owner: Any, name: str, value: object) -> Callable[[], None]:
    return lambda: setattr(owner, name, value)


def _set_rate() -> None:
    global rate
    rate = 1


def _read_rate() -> int:
    class Body:
        value = rate

    return Body.value


def _in_body() -> tuple[Callable[[], object], Callable[[], object]]:
    global rate
    rate = 0
    return _read_rate, _set_rate


def _in_enum() -> tuple[Callable[[], object], Callable[[], object]]:
    if hasattr(Color, "table"):
        del Color.table
    return lambda: getattr(Color, "table", None), _store(Color, "table", 1)


def _through_method() -> tuple[Callable[[], object], Callable[[], object]]:
    plain: Any = Plain()
    Plain.method.calls = 0  # type: ignore[attr-defined]
    return lambda: plain.method.calls, _store(Plain.method, "calls", 1)


class Derived(Plain):
    def beyond(self) -> int:
        above = super()
        return above.n


def _through_super() -> tuple[Callable[[], object], Callable[[], object]]:
    Plain.n = 0
    return Derived().beyond, _store(Plain, "n", 1)


def _name_of_thread() -> tuple[Callable[[], object], Callable[[], object]]:
    thread = threading.Thread(name="a")
    return lambda: thread.name, _store(thread, "name", "b")


def _proxy(look: Callable[[Any], object]) -> Callable[[], tuple[Callable[[], object], Callable[[], object]]]:
    def make() -> tuple[Callable[[], object], Callable[[], object]]:
        table = {"a": 0}
        proxy = MappingProxyType(table)
        return lambda: look(proxy), lambda: table.update(a=1, b=2)

    return make


def _chain(look: Callable[[Any], object]) -> Callable[[], tuple[Callable[[], object], Callable[[], object]]]:
    def make() -> tuple[Callable[[], object], Callable[[], object]]:
        table = {"a": 0}
        chain = ChainMap({}, table)
        return lambda: look(chain), lambda: table.update(a=1, b=2)

    return make


def _through_chain() -> tuple[Callable[[], object], Callable[[], object]]:
    table: dict[str, int] = {}
    chain = ChainMap(table)
    return lambda: table.get("a"), lambda: chain.__setitem__("a", 1)


def _class(look: Callable[[type], object]) -> Callable[[], tuple[Callable[[], object], Callable[[], object]]]:
    def make() -> tuple[Callable[[], object], Callable[[], object]]:
        Plain.n = 0
        return lambda: look(Plain), _store(Plain, "n", 1)

    return make


def _disjoint() -> tuple[Callable[[], object], Callable[[], object]]:
    table = {"a": 1}
    keys = table.keys()
    return lambda: keys.isdisjoint(["a"]), table.clear


def _names() -> tuple[Callable[[], object], Callable[[], object]]:
    plain = Plain()
    return lambda: "extra" in dir(plain), _store(plain, "extra", 1)


def _callbacks() -> tuple[Callable[[], object], Callable[[], object]]:
    stack, called = contextlib.ExitStack(), []

    def close() -> object:
        stack.close()
        return called[:]

    return close, lambda: stack.callback(called.append, 1)


def _finalizer() -> tuple[Callable[[], object], Callable[[], object]]:
    holder, called = [Plain()], []
    weakref.finalize(holder[0], called.append, 1)
    return lambda: called[:], holder.clear


def _in_queue() -> tuple[Callable[[], object], Callable[[], object]]:
    jobs: queue.Queue[int] = queue.Queue()
    return lambda: list(jobs.queue), lambda: jobs.put(1)


def _unfinished() -> tuple[Callable[[], object], Callable[[], object]]:
    jobs: queue.Queue[int] = queue.Queue()
    return lambda: jobs.unfinished_tasks, lambda: jobs.put(1)


def _action() -> tuple[Callable[[], object], Callable[[], object]]:
    called: list[int] = []
    barrier = threading.Barrier(1, action=partial(called.append, 1))
    return lambda: called[:], barrier.wait


def _running() -> tuple[Callable[[], object], Callable[[], object]]:
    thread = threading.Thread(target=lambda: None)

    def look() -> object:
        thread.start()
        found = thread in threading.enumerate()
        thread.join()
        return found

    return look, lambda: None


@pytest.mark.parametrize(
    "make",
    [
        _in_body, _in_enum, _through_method, _through_super, _name_of_thread, _through_chain, _disjoint, _names, _callbacks, _finalizer,
        _running, _action, _in_queue, _unfinished,
        _proxy(lambda proxy: proxy["a"]), _proxy(lambda proxy: proxy.get("a")), _proxy(len), _proxy(list),
        _proxy(lambda proxy: "b" in proxy),
        _chain(lambda chain: chain["a"]), _chain(lambda chain: chain.get("b")), _chain(list),
        _class(lambda cls: cls.__dict__["n"]), _class(lambda cls: vars(cls)["n"]),
    ],
)  # fmt: skip
def test_both_orders_are_seen(make: Callable[[], tuple[Callable[[], object], Callable[[], object]]]) -> None:
    seen = set()

    def scenario() -> None:
        look, change = make()
        found: list[object] = []
        together(lambda: found.append(look()), change)
        seen.add(repr(found[0]))

    result = explore(scenario, strategy="dpor")
    assert result.verdict == "proven", (result.failures, result.uncontrolled)
    assert len(seen) == 2


class Borg:
    attributes: dict[str, int] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.__dict__ = Borg.attributes


def test_objects_with_the_same_attributes_prove_nothing() -> None:
    def scenario() -> None:
        Borg.attributes = {"n": 0}
        one: Any = Borg()
        two: Any = Borg()
        together(_store(one, "n", 1), _store(two, "n", 2))

    result = explore(scenario, strategy="dpor")
    assert result.verdict == "inconclusive"
    assert "share their attributes" in result.uncontrolled[0]


def test_mixins_use_containers_of_the_library() -> None:
    def scenario() -> None:
        table: UserDict[str, int] = UserDict()
        together(lambda: table.update(a=1), lambda: table.setdefault("a", 2))

    assert explore(scenario, strategy="dpor").verdict == "inconclusive"


class Closed:
    def send(self) -> str:
        raise RuntimeError("closed")


@pytest.mark.parametrize(
    ("name", "replace"),
    [
        ("__class__", lambda door: _store(door, "__class__", Closed)),
        ("__len__", lambda door: _store(type(door), "__len__", lambda self: 1)),
        ("__defaults__", lambda door: _store(type(door).send, "__defaults__", ())),
    ],
)
def test_what_the_interpreter_looks_up_by_itself(name: str, replace: Callable[[Any], Callable[[], None]]) -> None:
    def scenario() -> None:
        class Open:
            def send(self) -> str:
                return "sent"

        door = Open()
        together(replace(door), lambda: door.send())

    result = explore(scenario, strategy="dpor")
    assert result.failures or any(sentence.startswith(name) for sentence in result.uncontrolled)
