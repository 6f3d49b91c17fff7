"""What explains a failure: asserted on the structured finding; the words made of it have golden files and a few examples here."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from interleave.detectors.culprit import Culprit, find
from interleave.explore import explore
from interleave.expressions import container_at
from interleave.model import Site
from interleave.report.columns import blocked_turns, effect, focus_of, named_steps, turns_of
from interleave.report.explanation import explain
from interleave.result import Failure


def failure_of(scenario: Callable[[], object], **options: object) -> Failure:
    found = explore(scenario, **options).failure  # type: ignore[arg-type]
    assert found is not None
    return found


def explained(failure: Failure) -> tuple[str, str]:
    """Return the story and the fix."""
    explanation = explain(failure)
    return explanation.story, explanation.fix


def culprit_of(target: str) -> Culprit:
    module, _, name = target.partition(":")
    failure = failure_of(getattr(importlib.import_module(f"targets.{module}"), f"scenario_{name}"))
    culprit = find(failure.trace, failure.outcome)
    assert culprit is not None
    return culprit


#: Pattern, beginning of the place, and parts of the source lines of each access.
TARGETS = {
    "cache:puts_keep_the_limit": ("read-write-write", "LRUToolCache._entries (size)", "len(self._entries) >= | [text] = | [text] = "),
    "cache:get_during_eviction": ("read-write-write", "LRUToolCache._entries['cat']", "if text not in | popitem | move_to_end"),
    "cache:last_entry_is_evicted_once": ("read-write-write", "LRUToolCache._entries (size)", "if not self._entries | popitem | popitem"),
    "cache:every_lookup_is_counted": ("read-write-write", "LRUToolCache._hits", "_hits += 1 | _hits += 1 | _hits += 1"),
    "cache:clear_starts_from_zero": ("read-write-write", "LRUToolCache._misses", "_misses += 1 | _misses = 0 | _misses += 1"),
    "metrics:totals_match_sums": ("read-write-write", "ExecutionMetrics._executions", "_executions += 1 | += 1 | _executions += 1"),
    "metrics:reset_loses_nothing": ("read-write-write", "ExecutionMetrics._executions", "_executions | _executions += 1 | = 0"),
    "metrics:summary_during_record": ("read-write-read", "ExecutionMetrics._timings (size)", "for tool, t in | _timings | for tool, t"),
    "container:singleton_is_single": ("read-write-write", "ServiceContainer._singletons", "not in instances | = reg | = reg"),
    "container:resolve_during_dispose": ("read-write-act", "ServiceContainer._is_disposed", "if self._is_disposed | = True | = reg"),
    "deadlock:every_job_is_taken": ("read-write-read", "JobQueue._jobs (size)", "if not self._jobs | popleft | popleft"),
    "deadlock:result_reaches_waiter": ("read-notify-wait", "ResultSlot._is_set", "if not self._is_set | notify_all | wait()"),
    "event_processor:numbers_are_unique": ("read-write-write", "EventStore.last_number", "return self.last | = number | = number"),
    "event_processor:events_of_one_camera_are_counted": (
        "read-write-write",
        "EventProcessor._counts['camera 0']",
        ".get( | place + | place +",
    ),
    "event_processor:flush_loses_nothing": ("read-write-write", "EventProcessor._pending", "for event in | = [] | = []"),
    "mcp_context:read_during_write": (
        "write-read-read-write",
        "MCPContextProvider._values['user']",
        "= value | not in | not in | _expires[name] =",
    ),
    "websocket_manager:limit_is_kept": ("read-write-write", "WebSocketManager._sockets (size)", "if len( | = socket | = socket"),
    "mcp_context:computed_once": ("read-write-write", "MCPContextProvider._values['user']", "if name not in | = value | = value"),
    "mcp_context:no_stale_write": ("read-write-act", "source[0]", "value = source[0] | source[0] = | = value"),
    "websocket_manager:broadcast_during_connect": ("read-write-read", "WebSocketManager._sockets", "for socket | = socket | for socket"),
    "websocket_manager:broadcasts_are_counted": ("read-write-write", "WebSocketManager._sent", "= self._sent | _sent = | _sent = "),
    "event_backend:newcomer_outlives_leaver": ("read-write-act", "InMemoryEventBackend._topics", "if not members | .add( | del "),
}


@pytest.mark.parametrize("target", TARGETS)
def test_failures_of_the_targets_are_explained_by_variable_and_lines(target: str) -> None:
    import linecache

    pattern, place, parts = TARGETS[target]
    lines = parts.split(" | ")
    culprit = culprit_of(target)
    assert (culprit.pattern, culprit.place[: len(place)]) == (pattern, place)
    shown = [linecache.getline(access.file, access.line) for access in culprit.accesses]
    assert [wanted in line for wanted, line in zip(lines, shown, strict=True)] == [True] * len(lines), shown
    threads = [access.thread for access in culprit.accesses]
    assert threads[0] == threads[-1] != threads[1]


#: For each thread of the cycle: the lock that it holds, the line where it took that, the lock that it wants, and the line where.
DEADLOCKS = {
    "opposite_moves": [
        ("CacheShard.lock", "with source.lock, target.lock:", "CacheShard.lock #2", "with source.lock, target.lock:"),
        ("CacheShard.lock #2", "with source.lock, target.lock:", "CacheShard.lock", "with source.lock, target.lock:"),
    ],
    "moves_in_a_ring": [
        ("CacheShard.lock", "with source.lock, target.lock:", "CacheShard.lock #2", "with source.lock, target.lock:"),
        ("CacheShard.lock #2", "with source.lock, target.lock:", "CacheShard.lock #3", "with source.lock, target.lock:"),
        ("CacheShard.lock #3", "with source.lock, target.lock:", "CacheShard.lock", "with source.lock, target.lock:"),
    ],
    "report_during_execution": [
        ("ToolPipeline._cache_lock", "with self._cache_lock:", "ToolPipeline._metrics_lock", "with self._metrics_lock:"),
        ("ToolPipeline._metrics_lock", "with self._metrics_lock:", "ToolPipeline._cache_lock", "with self._cache_lock:"),
    ],
}


@pytest.mark.parametrize("name", DEADLOCKS)
def test_deadlocks_of_the_targets_are_explained_by_locks_and_lines(name: str) -> None:
    import linecache

    outcome = failure_of(getattr(importlib.import_module("targets.deadlock"), f"scenario_{name}")).outcome
    blocked = {one.tid: one for one in outcome.blocked}
    found = []
    for tid in outcome.cycle:
        one = blocked[tid]
        (held,) = one.holds
        assert held.where is not None
        taken, wanted = (linecache.getline(where.file, where.line).strip() for where in (held.where, one.where))
        found.append((held.resource, taken, one.resource, wanted))
    assert [(held.split("'")[1], taken, resource.split("'")[1], wanted) for held, taken, resource, wanted in found] == DEADLOCKS[name]


class Counter:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0

    def add(self) -> None:
        self.value += 1

    def add_locked(self) -> None:
        with self.lock:
            self.value += 1

    def add_split(self) -> None:
        with self.lock:
            value = self.value
        with self.lock:
            self.value = value + 1


def run(*functions: Callable[[], object]) -> None:
    threads = [threading.Thread(target=function, name=f"worker-{number}") for number, function in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def counting(*names: str) -> Callable[[], None]:
    def scenario() -> None:
        counter = Counter()
        run(*(getattr(counter, name) for name in names))
        assert counter.value == len(names)

    return scenario


class Registry:
    """Names and what they stand for; both are changed together, or so it was meant."""

    def __init__(self) -> None:
        self.names = ["a", "b"]
        self.entries = {"a": 1, "b": 2}

    def remove(self) -> None:
        self.names.remove("a")
        del self.entries["a"]

    def sum(self) -> int:
        return sum([self.entries[name] for name in tuple(self.names)])


def test_two_places_that_belong_together_are_named_with_all_four_accesses() -> None:
    registry = Registry()

    def scenario() -> None:
        registry.__init__()  # type: ignore[misc]
        run(registry.remove, registry.sum)

    failure = failure_of(scenario)
    culprit = find(failure.trace, failure.outcome)
    assert culprit is not None
    assert (failure.message.partition(" (")[0], culprit.pattern) == ("KeyError: 'a'", "read-write-write-read")
    assert culprit.places == ("Registry.names", "Registry.names", "Registry.entries['a']", "Registry.entries['a']")
    assert [access.thread for access in culprit.accesses] == ["worker-1", "worker-0", "worker-0", "worker-1"]
    story, fix = explained(failure)
    assert story.startswith("Thread worker-1 went on with what was no longer so: it looked at `Registry.names`")
    assert fix.startswith("Hold one lock over test_story.py:")


def test_a_sum_made_in_the_middle_of_a_change_is_explained_without_an_exception() -> None:
    def scenario() -> None:
        totals, seen = Counter(), Counter()

        def change() -> None:
            totals.value += 1
            seen.value += 1

        def look() -> None:
            found.append((totals.value, seen.value))

        found: list[tuple[int, int]] = []
        run(change, look)
        assert found[0][0] == found[0][1]

    failure = failure_of(scenario)
    culprit = find(failure.trace, failure.outcome)
    assert culprit is not None
    assert culprit.pattern == "write-read-read-write"
    assert [access.thread for access in culprit.accesses] == ["worker-0", "worker-1", "worker-1", "worker-0"]


def test_who_waits_by_looking_is_not_what_explains_a_failure() -> None:
    import time

    def scenario() -> None:
        first, second, results = Counter(), Counter(), dict[str, int]()

        def work() -> None:
            results["done"] = 1
            second.value += 1

        threads = [threading.Thread(target=work, name=f"worker-{number}") for number in range(2)]
        for thread in threads:
            thread.start()
        while "done" not in results:
            time.sleep(0.1)
        results.pop("done")
        for thread in threads:
            thread.join()
        assert second.value == 2, first

    failure = failure_of(scenario)
    culprit = find(failure.trace, failure.outcome)
    assert culprit is not None
    assert (culprit.pattern, culprit.place) == ("read-write-write", "Counter.value")


def held_while_waiting() -> None:
    from concurrent.futures import Future

    lock, future = threading.Lock(), Future[int]()

    def answer() -> None:
        with lock:
            future.set_result(1)

    with lock:
        threading.Thread(target=answer, name="helper").start()
        future.result()


def never_given_back() -> None:
    lock = threading.Lock()
    run(lambda: lock.acquire(), lambda: lock.acquire())


def full_queue() -> None:
    import queue

    jobs = queue.Queue[int](maxsize=1)
    jobs.put(1)
    jobs.put(2)


async def locks_in_opposite_orders() -> None:
    import asyncio

    left, right = asyncio.Lock(), asyncio.Lock()

    async def take(first: asyncio.Lock, second: asyncio.Lock) -> None:
        async with first:
            await asyncio.sleep(0)
            async with second:
                pass

    await asyncio.gather(take(left, right), take(right, left))


async def call_soon_from_a_thread() -> None:
    import asyncio

    loop = asyncio.get_running_loop()
    future = loop.create_future()
    threading.Thread(target=lambda: loop.call_soon(future.set_result, 1)).start()
    await future


def test_order_that_nothing_keeps_has_a_fix() -> None:
    def scenario() -> None:
        box = {"a": 1}
        run(lambda: box.clear(), lambda: box["a"])

    story, fix = explained(failure_of(scenario))
    assert story.startswith("Nothing keeps thread worker-0 from writing")
    assert fix.startswith("Have worker-0 wait until worker-1 is done before test_story.py:")


def test_exception_in_the_middle_of_a_change_names_what_was_there_and_what_was_not() -> None:
    def scenario() -> None:
        registry = Registry()

        def add() -> None:
            registry.names.append("c")
            registry.entries["c"] = 3

        run(add, registry.sum)

    failure = failure_of(scenario)
    culprit = find(failure.trace, failure.outcome)
    assert culprit is not None
    assert (culprit.pattern, culprit.places) == ("write-read-read", ("Registry.names", "Registry.names", "Registry.entries['c']"))
    story, fix = explained(failure)
    assert story.startswith("Thread worker-1 came in the middle of what thread worker-0 was doing")
    assert fix.startswith("Make what add does from test_story.py:")


def test_pools_show_what_the_user_wrote() -> None:
    failure = failure_of(importlib.import_module("targets.cache").scenario_every_lookup_is_counted)
    turns = turns_of(named_steps(failure.trace), focus_of(failure, find(failure.trace, failure.outcome)))
    assert len(turns) == 5
    files = {line.where.file for turn in turns for line in turn.lines}
    assert all("targets" in file for file in files)
    assert not any("Lock" in words or "Condition" in words for turn in turns for line in turn.lines for words in line.effects)


def test_a_deadlock_ends_with_what_each_thread_waits_for() -> None:
    failure = failure_of(importlib.import_module("targets.deadlock").scenario_report_during_execution)
    ends = blocked_turns(failure.outcome, turns_of(named_steps(failure.trace)))
    assert [(turn.tid, [line.effects for line in turn.lines]) for turn in ends] == [
        (1, [("> waits for Lock 'ToolPipeline._metrics_lock' for ever",)]),
        (2, [("> waits for Lock 'ToolPipeline._cache_lock' for ever",)]),
    ]


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    story, fix = explained(failure_of(importlib.import_module("targets.mcp_context").scenario_no_stale_write))
    assert "targets/scenarios/mcp_context.py:" in story
    assert " targets/mcp_context.py:" in story
    assert "targets/scenarios/mcp_context.py:" in fix


def test_fix_names_the_lock_that_the_other_thread_holds() -> None:
    story, fix = explained(failure_of(counting("add", "add_locked")))
    assert story.startswith("`Counter.value` lost an update: thread worker-")
    assert "Lock 'Counter.lock'" in fix
    assert fix.startswith(("Guard ", "Take "))


def test_fix_of_a_lock_let_go_between_is_to_keep_it() -> None:
    story, fix = explained(failure_of(counting("add_split", "add_split")))
    assert story.startswith("`Counter.value` lost an update: thread worker-")
    assert fix.startswith("Keep Lock 'Counter.lock' from test_story.py:")


def test_fix_of_unguarded_accesses_is_one_lock() -> None:
    _, fix = explained(failure_of(counting("add", "add")))
    assert fix.startswith("Make test_story.py:")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("opposite_moves", "in one order whatever the arguments"),
        ("report_during_execution", "before Lock 'ToolPipeline._metrics_lock' everywhere, as execute does"),
        ("every_job_is_taken", "Use `while` instead of `if` around the wait"),
        ("close_releases_consumers", "Use notify_all() at deadlock.py:"),
        ("result_reaches_waiter", "Take the lock first, then look, then wait"),
    ],
)  # fmt: skip
def test_waiting_threads_are_explained_with_their_fix(name: str, expected: str) -> None:
    story, fix = explained(failure_of(getattr(importlib.import_module("targets.deadlock"), f"scenario_{name}")))
    assert expected in fix
    assert "deadlock.py:" in story


def taken_twice() -> None:
    lock = threading.Lock()
    with lock, lock:
        pass


def joined_with_lock_held() -> None:
    lock = threading.Lock()
    thread = threading.Thread(target=lambda: lock.acquire())
    with lock:
        thread.start()
        thread.join()


def empty_queue() -> None:
    import queue

    queue.Queue().get()  # type: ignore[var-annotated]


def never_stops() -> None:
    stop: list[bool] = []
    flag = Counter()

    def spin() -> None:
        while not flag.value:
            stop.append(True)
            stop.pop()

    thread = threading.Thread(target=spin)
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    ("scenario", "kind", "story", "fix"),
    [
        (taken_twice, "deadlock", "which it holds itself", "Make it an RLock"),
        (joined_with_lock_held, "deadlock", "so they wait for each other", "Let go of Lock"),
        (empty_queue, "stuck", "nobody is left to do a put()", "Put one item more"),
        (full_queue, "stuck", "waits for Queue at test_story.py:", "Get as many items as are put"),
        (
            never_given_back,
            "stuck",
            "for Lock at test_story.py:",
            "back on every path: use `with` where it is taken at test_story.py:",
        ),
        (held_while_waiting, "stuck", "meanwhile helper waits at test_story.py:", "Let go of Lock before waiting"),
        (locks_in_opposite_orders, "deadlock", "Task-2 holds Lock since", "in one order whatever the arguments"),
        (call_soon_from_a_thread, "stuck", "Task-1 waits for Future", "Call loop.call_soon_threadsafe()"),
        (never_stops, "livelock", "`Counter.value` stays 0", "instead of polling"),
    ],
)
def test_every_kind_has_a_story_and_a_fix(scenario: Callable[[], object], kind: str, story: str, fix: str) -> None:
    failure = failure_of(scenario)
    assert failure.kind == kind
    said, advice = explained(failure)
    assert story in said
    assert fix in advice


def test_tasks_are_told_not_to_await_in_between() -> None:
    story, fix = explained(failure_of(importlib.import_module("targets.websocket_manager").scenario_broadcasts_are_counted))
    assert story.startswith("`WebSocketManager._sent` lost an update: Task-")
    assert "do not await in it, or hold one asyncio.Lock over it" in fix


def test_race_is_explained_by_its_own_accesses() -> None:
    def scenario() -> None:
        counter = Counter()
        run(counter.add, counter.add)

    failure = failure_of(scenario, races="harmful")
    assert failure.kind == "race"
    story, fix = explained(failure)
    assert story.startswith("`Counter.value` lost an update: ")
    assert fix.startswith("Make test_story.py:")


def test_what_a_user_never_wrote_is_not_named() -> None:
    failure = failure_of(importlib.import_module("targets.deadlock").scenario_close_releases_consumers)
    effects = {effect(step) for step in named_steps(failure.trace)}
    assert {
        "takes RLock 'JobQueue._changed'",
        "wakes up from Condition 'JobQueue._changed'",
        "notifies Condition 'JobQueue._changed'",
        "chooses number 0",
    } <= effects


def test_loops_are_folded_with_their_number() -> None:
    from tests.test_report import step

    steps = [step(index, 1, "read", 13 + index % 2, "Account.balance", str(index)) for index in range(80)]
    (turn,) = turns_of(steps)
    assert [(line.where.line, line.period, line.rounds) for line in turn.lines] == [(13, 0, 1), (14, 2, 40)]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("source[0]", "source"),
        ("self._rows[key]", "self._rows"),
        ("rows.append(1)", "rows"),
        ("len(rows)", "rows"),
        ("key in rows", "rows"),
        ("key == rows", ""),
        ("min(one, other)", ""),
        ("make()[0]", ""),
        ("größe[ß]", "größe"),
    ],
)
def test_container_is_called_as_in_the_source(tmp_path: Path, line: str, name: str) -> None:
    file = tmp_path / "program.py"
    file.write_text(f"pass\n    {line}  # rest\n", encoding="utf-8")
    assert container_at(Site(str(file), 2, "f", span=(2, 2, 4, 4 + len(line.encode())))) == name
    assert container_at(Site(str(file), 2, "f")) == container_at(Site("<string>", 1, "f", span=(1, 1, 0, 3))) == ""
