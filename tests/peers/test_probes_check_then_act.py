"""Check-then-act on containers, in all the ways to ask whether something is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.peers.answers import failing, proven, run

# -- check, then act ------------------------------------------------------------------------------------------


def act_if_missing(check: Callable[[dict[str, int]], bool]) -> Callable[[], None]:
    def scenario() -> None:
        created: list[int] = []
        items: dict[str, int] = {}

        def create() -> None:
            if check(items):
                items["k"] = 1
                created.append(1)

        run(create, create)
        assert len(created) == 1, "created twice"

    return scenario


def _by_exception(items: dict[str, int]) -> bool:
    try:
        items["k"]
    except KeyError:
        return True
    return False


CHECKS: dict[str, Callable[[dict[str, int]], bool]] = {
    "in": lambda items: "k" not in items,
    "get": lambda items: items.get("k") is None,
    "KeyError": _by_exception,
    "len": lambda items: len(items) == 0,
    "truth": lambda items: not items,
    "keys": lambda items: "k" not in items.keys(),  # noqa: SIM118
    "comparison": lambda items: items == {},
}


@pytest.mark.parametrize("check", CHECKS)
def test_check_then_act_on_a_dict(check: str) -> None:
    failure = failing(act_if_missing(CHECKS[check]), "assertion", "created twice")
    assert failure.preemptions == 1


def test_check_then_act_written_in_one_line() -> None:
    def scenario() -> None:
        made: dict[str, object] = {}
        got: list[object] = []

        def get() -> None:
            if "k" not in made:
                made["k"] = object()
            got.append(made["k"])

        run(get, get)
        assert got[0] is got[1], "two instances"

    failing(scenario, "assertion", "two instances", strategy="dfs")


def test_setdefault_creates_one() -> None:
    def scenario() -> None:
        made: dict[str, object] = {}
        got: list[object] = []

        def get() -> None:
            got.append(made.setdefault("k", object()))

        run(get, get)
        assert got[0] is got[1]

    proven(scenario)


def test_check_then_act_on_a_set() -> None:
    def scenario() -> None:
        seen: set[str] = set()
        handled: list[str] = []

        def handle() -> None:
            if "event" not in seen:
                seen.add("event")
                handled.append("event")

        run(handle, handle)
        assert handled == ["event"]

    failing(scenario, "assertion")


def test_check_then_act_on_a_list() -> None:
    def scenario() -> None:
        free = ["only"]

        def take() -> None:
            if free:
                free.pop()

        run(take, take)

    failing(scenario, "exception", "IndexError: pop from empty list")


def test_two_singletons() -> None:
    class Service:
        instance: Service | None = None

        @classmethod
        def get(cls) -> Service:
            if cls.instance is None:
                cls.instance = cls()
            return cls.instance

    def scenario() -> None:
        Service.instance = None
        got: list[Service] = []
        run(lambda: got.append(Service.get()), lambda: got.append(Service.get()))
        assert got[0] is got[1], "two singletons"

    failing(scenario, "assertion", "two singletons")


def test_writes_to_different_keys_do_not_multiply_the_search() -> None:
    def scenario() -> None:
        items = [0, 0]

        def add(index: int) -> None:
            items[index] += 1

        run(lambda: add(0), lambda: add(1))
        assert items == [1, 1]

    assert proven(scenario, strategy="dpor").executions == 1
