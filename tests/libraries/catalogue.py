"""The catalogue: one scenario for each bug, with the release that has it and the first one looked at that has not.

    python -m tests.libraries.catalogue install FOLDER     put every release into a folder of its own below FOLDER
    python -m tests.libraries.catalogue table FOLDER       explore all of them and print the table

A release is a folder made by `pip install --no-deps --target`, named after its requirements.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXECUTIONS = 1_000


def together(*bodies: Callable[[], object]) -> None:
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def urllib3_pool_manager() -> None:
    """A pool is closed by eviction between looking it up and using it (urllib3 #2954)."""
    import urllib3

    manager = urllib3.PoolManager(num_pools=1)

    def use(host: str) -> None:
        pool = manager.connection_from_host(host)
        pool._put_conn(pool._get_conn())

    together(lambda: use("a"), lambda: use("b"))


def redis_connection_pool() -> None:
    """Two threads both see room for one more connection."""
    import redis

    made: list[object] = []

    class Connection:
        pid = 0

        def __init__(self, **options: object) -> None:
            made.append(self)

        def connect(self) -> None: ...
        def disconnect(self) -> None: ...
        def can_read(self, *_: object) -> bool:
            return False

        def is_ready_for_command(self) -> bool:
            return True

    pool = redis.ConnectionPool(connection_class=Connection, max_connections=1)

    def take() -> None:
        try:
            pool.get_connection("GET")
        except redis.ConnectionError:
            pass

    together(take, take)
    assert len(made) <= 1


def injector_singleton() -> None:
    """A singleton is made twice."""
    import injector

    class Service: ...

    made = injector.Injector([lambda binder: binder.bind(Service, to=Service, scope=injector.singleton)])
    got: list[object] = []
    together(lambda: got.append(made.get(Service)), lambda: got.append(made.get(Service)))
    assert got[0] is got[1]


def mock_children() -> None:
    """A child of a mock is made twice (CPython gh-98624)."""
    import mock  # noqa: UP026

    parent, got = mock.Mock(), []
    together(lambda: got.append(parent.child), lambda: got.append(parent.child))
    assert got[0] is got[1]


def jinja2_lru_items() -> None:
    """`LRUCache.items` lists the keys and then looks each up, while another thread evicts."""
    from jinja2.utils import LRUCache

    cache = LRUCache(2)
    cache["a"], cache["b"] = 1, 2
    together(lambda: cache.__setitem__("c", 3), lambda: list(cache.items()))


def dateutil_cached_rule() -> None:
    """The thread that completes the cache of a rule leaves the loop with the lock held."""
    import datetime

    from dateutil import rrule

    rule = rrule.rrule(rrule.DAILY, count=3, dtstart=datetime.datetime(2020, 1, 1), cache=True)
    together(lambda: list(rule), lambda: list(rule))


def pyparsing_shared_grammar() -> None:
    """The name of an expression is reset by one thread between its making and its use by another."""
    import pyparsing

    grammar = pyparsing.Word(pyparsing.alphas) + pyparsing.Word(pyparsing.nums)
    together(lambda: grammar.parse_string("a 1"), lambda: grammar.parse_string("b 2"))


def circuitbreaker_failures() -> None:
    """Two failures at once are counted as one, so that the circuit stays closed for longer than it should."""
    import circuitbreaker

    breaker = circuitbreaker.CircuitBreaker(failure_threshold=2, name="shared")

    def fail() -> None:
        raise ValueError("on purpose")

    def call() -> None:
        try:
            breaker.call(fail)
        except (ValueError, circuitbreaker.CircuitBreakerError):
            pass

    together(call, call)
    assert breaker.failure_count == 2


def cachelib_pruning() -> None:
    """`SimpleCache` goes through its dictionary to make room while another thread stores."""
    import cachelib

    cache = cachelib.SimpleCache(threshold=1)
    for key in "abc":
        cache.set(key, 1)
    together(lambda: cache.set("d", 1), lambda: cache.set("e", 1))


@dataclass(frozen=True)
class Bug:
    """A scenario, the requirements of a release that has the bug and of one that has not, and what is found; `newest` Python it runs on."""

    scenario: Callable[[], None]
    affected: str
    repaired: str
    include: str
    kind: str
    newest: tuple[int, int] = (3, 13)


BUGS = (
    Bug(urllib3_pool_manager, "urllib3==1.26.15", "urllib3==1.26.16", "urllib3", "exception"),
    Bug(redis_connection_pool, "redis==3.2.1", "redis==3.5.3", "redis", "assertion", (3, 11)),
    Bug(injector_singleton, "injector==0.18.4", "injector==0.22.0", "injector", "assertion"),
    Bug(mock_children, "mock==4.0.3", "mock==5.1.0", "mock", "assertion"),
    Bug(jinja2_lru_items, "jinja2==3.1.6 markupsafe==2.1.5", "", "jinja2", "exception"),
    Bug(dateutil_cached_rule, "python-dateutil==2.9.0.post0 six==1.17.0", "", "dateutil", "stuck"),
    Bug(pyparsing_shared_grammar, "pyparsing==3.2.5", "", "pyparsing", "exception"),
    Bug(circuitbreaker_failures, "circuitbreaker==2.1.3", "", "circuitbreaker", "assertion"),
    Bug(cachelib_pruning, "cachelib==0.13.0", "", "cachelib", "exception"),
)
RELEASES = [(bug, release) for bug in BUGS for release in (bug.affected, bug.repaired) if release]


def folder_of(root: Path, release: str) -> Path:
    return root / release.replace("==", "-").replace(" ", "+")


def explored(root: Path, bug: Bug, release: str) -> dict[str, Any]:
    """Explore a scenario with a release, in a process of its own; return its part of the JSON report, with the executions to the bug."""
    code = (
        f"import sys, json; sys.path.insert(0, {str(folder_of(root, release))!r})\n"
        "from tests.libraries import catalogue\n"
        "from interleave import Budget, explore\n"
        "from interleave.report.machine import as_data\n"
        f"scenario = catalogue.{bug.scenario.__name__}\n"
        f"result = explore(scenario, include=[{bug.include!r}], budget=Budget(executions={EXECUTIONS}))\n"
        "print(json.dumps(as_data([result])['scenarios'][0]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def install(root: Path) -> None:
    for _, release in RELEASES:
        folder = folder_of(root, release)
        if not folder.exists():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *release.split()]
            subprocess.run(command, check=True)


def table(root: Path) -> None:
    print("| scenario | release | verdict | executions | seconds | failure |\n| --- | --- | --- | --- | --- | --- |")
    for bug, release in RELEASES:
        if sys.version_info[:2] > bug.newest:
            continue
        data = explored(root, bug, release)
        message = data["failures"][0]["message"][:90] if data["failures"] else ""
        row = (bug.scenario.__name__, release.split()[0], data["verdict"], data["executions"], round(data["seconds"], 1), message)
        print("| " + " | ".join(map(str, row)) + " |")


if __name__ == "__main__":
    {"install": install, "table": table}[sys.argv[1]](Path(sys.argv[2]).resolve())
