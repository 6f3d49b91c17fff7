"""Asyncio under control: what runs, how many executions it takes, and what is reported."""

from __future__ import annotations

import asyncio
import contextvars
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from generated_tasks import generate, scenario_of

import interleave
from interleave.result import Result
from tests.exhaustion import compare_tasks

ROOT = Path(__file__).parent.parent


def explore(scenario: Callable[[], Any], strategy: str = "dpor", executions: int = 3_000, **options: Any) -> Result:
    return interleave.explore(scenario, strategy=strategy, budget=interleave.Budget(executions=executions), **options)


async def lost_update() -> None:
    count = 0

    async def increment() -> None:
        nonlocal count
        value = count
        await asyncio.sleep(0)
        count = value + 1

    await asyncio.gather(increment(), increment())
    assert count == 2, "lost update"


class TestNumberOfExecutions:
    """Exactly one for each order of conflicting steps."""

    @pytest.mark.parametrize("delay", [0, 1])
    @pytest.mark.parametrize("tasks", [2, 4])
    def test_independent_tasks(self, tasks: int, delay: int) -> None:
        async def scenario() -> None:
            async def work() -> None:
                for _ in range(3):
                    await asyncio.sleep(delay)

            await asyncio.gather(*(work() for _ in range(tasks)))

        result = explore(scenario)
        assert (result.verdict, result.executions, result.statistics.redundant) == ("proven", 1, 0)

    def test_what_is_gathered_comes_after_all_of_it(self) -> None:
        async def scenario() -> None:
            done = [0, 0]

            async def work(number: int) -> None:
                await asyncio.sleep(0)
                done[number] = 1

            await asyncio.gather(work(0), work(1))
            assert done == [1, 1]

        result = explore(scenario)
        assert (result.verdict, result.executions, result.statistics.redundant) == ("proven", 1, 0)

    def test_independent_tasks_of_a_group(self) -> None:
        async def scenario() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(asyncio.sleep(0))

        result = explore(scenario)
        assert (result.verdict, result.executions, result.statistics.redundant) == ("proven", 1, 0)

    def test_lost_update_of_two_tasks(self) -> None:
        outcomes = []

        async def scenario() -> None:
            count = 0

            async def increment() -> None:
                nonlocal count
                value = count
                await asyncio.sleep(0)
                count = value + 1

            await asyncio.gather(increment(), increment())
            outcomes.append(count)

        result = explore(scenario)
        # Read, write, read, write: of the six orders, two pairs differ in the order of the reads alone.
        assert (result.verdict, result.executions, result.statistics.redundant) == ("proven", 4, 0)
        assert set(outcomes) == {1, 2}

    def test_order_of_ready_tasks_is_the_only_one_in_fifo(self) -> None:
        result = explore(lost_update, task_order="fifo", shrink=False)
        assert result.failures

        async def scenario() -> None:
            order: list[int] = []

            async def note(number: int) -> None:
                await asyncio.sleep(0)
                order.append(number)

            await asyncio.gather(*map(note, range(4)))
            assert order == [0, 1, 2, 3]

        assert explore(scenario, task_order="fifo").executions == 1
        assert explore(scenario, "random").failures


@pytest.mark.parametrize("seed", [*range(10), *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(10, 40))])
def test_dpor_reaches_every_outcome_that_brute_force_reaches(seed: int) -> None:
    program = generate(seed)
    reduced: set[Any] = set()
    brute: set[Any] = set()
    one = explore(scenario_of(program, reduced))
    other = explore(scenario_of(program, brute), "dfs", executions=1_500)
    assert (one.verdict, other.failures) == ("proven", ())
    if other.exhausted:
        assert reduced == brute
        assert one.executions - one.statistics.redundant <= other.executions
    else:
        assert brute <= reduced


@pytest.mark.parametrize("waits", ["group", "wait"])
def test_cancelling_who_waits_may_come_after_what_is_waited_for(waits: str) -> None:
    logs: set[tuple[str, ...]] = set()

    async def scenario() -> None:
        log: list[str] = []

        async def child() -> None:
            await asyncio.sleep(0)

        async def parent() -> None:
            if waits == "group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(child())
            else:
                await asyncio.wait([asyncio.create_task(child())])
            log.append("done")

        async def cancel() -> None:
            await asyncio.sleep(0)
            waiting.cancel()
            log.append("cancel")

        waiting = asyncio.create_task(parent())
        await asyncio.gather(waiting, asyncio.create_task(cancel()), return_exceptions=True)
        logs.add(tuple(log))

    assert explore(scenario).verdict == "proven"
    assert logs == {("cancel",), ("done", "cancel")}


def test_dpor_reaches_every_class_of_brute_force() -> None:
    tally = compare_tasks(map(generate, range(20, 40)))
    assert (tally.programs, tally.redundant) == (20, 0)
    assert tally.executions == tally.classes


class TestOrder:
    def test_callbacks_keep_the_order_of_registration(self) -> None:
        async def scenario() -> None:
            order: list[int] = []
            loop = asyncio.get_running_loop()
            for number in range(3):
                loop.call_soon(order.append, number)
            # A step comes after the callbacks that were registered before it.
            await asyncio.sleep(0)
            assert order == [0, 1, 2]

        assert explore(scenario, "random", executions=100).verdict == "passed"
        assert explore(scenario).verdict == "proven"

    def test_task_that_only_yields_lets_others_go_first(self) -> None:
        async def scenario() -> None:
            done: list[int] = []

            async def finish() -> None:
                await asyncio.sleep(1)
                done.append(1)

            task = asyncio.create_task(finish())
            while not done:
                await asyncio.sleep(0)
            await task

        for strategy in ("dpor", "dfs", "random", "pct"):
            # It is not proven: the loop may go round as often as it likes.
            assert explore(scenario, strategy, executions=20).verdict == "passed"

    def test_stop_lets_run_what_was_registered_before(self) -> None:
        def scenario() -> None:
            loop = asyncio.new_event_loop()
            ran: list[str] = []
            loop.call_soon(ran.append, "before")
            loop.call_soon(loop.stop)
            loop.run_forever()
            loop.close()
            assert ran == ["before"]

        assert explore(scenario, "random", executions=20).verdict == "passed"

    def test_timeouts_race_with_results(self) -> None:
        async def scenario() -> None:
            async with asyncio.timeout(10):
                await asyncio.sleep(1)

        assert explore(scenario).verdict == "proven"
        failure = explore(scenario, "random", timeouts="any", executions=50).failure
        assert failure is not None
        assert "TimeoutError" in failure.message

        async def close() -> None:
            future = asyncio.get_running_loop().create_future()

            async def deliver() -> None:
                await asyncio.sleep(0)
                future.set_result(1)

            task = asyncio.create_task(deliver())
            assert await asyncio.wait_for(future, 10) == 1
            await task

        assert explore(close).verdict == "proven"
        assert explore(close, "random", timeouts="any", executions=100).failure is not None

    def test_cancellation_arrives_at_every_await(self) -> None:
        seen = set()

        async def scenario() -> None:
            progress = 0

            async def work() -> None:
                nonlocal progress
                for _ in range(3):
                    await asyncio.sleep(0)
                    progress += 1

            task = asyncio.create_task(work())
            task_2 = asyncio.create_task(asyncio.sleep(0))
            await task_2
            task.cancel()
            await asyncio.wait([task])
            seen.add((progress, task.cancelled()))

        assert explore(scenario).verdict == "proven"
        assert seen == {(0, True), (1, True), (2, True), (3, False)}

    def test_all_of_asyncio_runs(self) -> None:
        async def scenario() -> None:
            variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

            async def count(number: int) -> int:
                variable.set(number)
                await asyncio.sleep(number)
                assert variable.get() == number
                return number

            async def numbers() -> Any:
                for number in range(3):
                    yield number
                    await asyncio.sleep(0)

            assert [await one for one in asyncio.as_completed([count(2), count(1)])] == [1, 2]
            assert [number async for number in numbers()] == [0, 1, 2]
            assert await asyncio.shield(count(1)) == 1
            barrier = asyncio.Barrier(2)
            await asyncio.gather(barrier.wait(), barrier.wait())
            queue: asyncio.PriorityQueue[int] = asyncio.PriorityQueue(1)
            await asyncio.gather(queue.put(1), queue.put(2), queue.get(), queue.get())
            condition = asyncio.Condition()
            async with condition:
                waiting = asyncio.create_task(_notified(condition))
                await asyncio.sleep(0)
            await asyncio.sleep(1)
            async with condition:
                condition.notify()
            await waiting
            done, pending = await asyncio.wait([asyncio.create_task(count(n)) for n in (1, 5)], return_when=asyncio.FIRST_COMPLETED)
            assert (len(done), len(pending)) == (1, 1)
            pending.pop().cancel()

        assert explore(scenario, "random", executions=30).verdict == "passed"

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
    def test_eager_tasks(self) -> None:
        async def scenario() -> None:
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
            order: list[str] = []

            async def work() -> None:
                order.append("begun")
                await asyncio.sleep(0)
                order.append("done")

            task = asyncio.create_task(work())
            assert order == ["begun"]
            await task
            assert order == ["begun", "done"]

        assert explore(scenario).verdict == "proven"


async def _notified(condition: asyncio.Condition) -> None:
    async with condition:
        await condition.wait()


class TestReports:
    def test_deadlock_of_locks_names_tasks_and_lines(self) -> None:
        async def scenario() -> None:
            left, right = asyncio.Lock(), asyncio.Lock()

            async def move(one: asyncio.Lock, other: asyncio.Lock) -> None:
                async with one:
                    await asyncio.sleep(0)
                    async with other:
                        pass

            async with asyncio.TaskGroup() as group:
                group.create_task(move(left, right), name="leftwards")
                group.create_task(move(right, left), name="rightwards")

        failure = explore(scenario).failure
        assert failure is not None
        assert failure.kind == "deadlock"
        cycle = [one for one in failure.outcome.blocked if one.tid in failure.outcome.cycle]
        assert {one.thread for one in cycle} == {"leftwards", "rightwards"}
        assert all(one.is_task and one.stack[-1].function.endswith("acquire") for one in cycle)
        assert all(held.where is not None and held.where.function.endswith("move") for one in cycle for held in one.holds)

    def test_future_that_nobody_sets(self) -> None:
        async def scenario() -> None:
            await asyncio.get_running_loop().create_future()

        failure = explore(scenario).failure
        assert failure is not None
        assert failure.kind == "stuck"
        assert "task 'Task-1' waits for Future" in failure.message

    def test_exception_that_nobody_retrieves(self) -> None:
        async def scenario() -> None:
            async def fail() -> None:
                raise ValueError("lost")

            task = asyncio.create_task(fail())
            await asyncio.sleep(1)
            del task

        failure = explore(scenario).failure
        assert failure is not None
        assert failure.kind == "exception"
        assert "ValueError: lost (in task 'Task-2'" in failure.message

    def test_exception_in_a_callback(self) -> None:
        async def scenario() -> None:
            asyncio.get_running_loop().call_soon(lambda: 1 // 0)
            await asyncio.sleep(0)

        failure = explore(scenario).failure
        assert failure is not None
        assert "ZeroDivisionError" in failure.message

    def test_task_left_behind_by_a_closed_loop(self) -> None:
        def scenario() -> None:
            loop = asyncio.new_event_loop()
            loop.run_until_complete(asyncio.sleep(0))
            forgotten = loop.create_task(asyncio.sleep(10), name="forgotten")
            loop.close()
            assert not forgotten.done()

        failure = explore(scenario, "random").failure
        assert failure is not None
        assert "forgotten" in failure.message

    @pytest.mark.parametrize("call", ["open_connection", "subprocess", "signal"])
    def test_what_needs_the_operating_system_is_refused(self, call: str) -> None:
        async def scenario() -> None:
            loop = asyncio.get_running_loop()
            if call == "open_connection":
                await asyncio.open_connection("example.com", 1)
            elif call == "subprocess":
                await asyncio.create_subprocess_exec("true")
            else:
                loop.add_signal_handler(2, print)

        failure = explore(scenario).failure
        assert failure is not None
        assert isinstance(failure.outcome.error, interleave.NotControlled)

    def test_lost_update_shows_reads_and_writes(self) -> None:
        failure = explore(lost_update).failure
        assert failure is not None
        shown = [
            (step.kind, step.place)
            for step in failure.trace.steps
            if step.is_shared and step.kind in ("read", "write") and step.place == "count"
        ]
        assert [kind for kind, _ in shown[:4]].count("read") >= 2

    def test_loops_that_wait_for_real_are_refused(self) -> None:
        def scenario() -> None:
            loop = asyncio.SelectorEventLoop()
            try:
                loop.run_until_complete(asyncio.sleep(0))
            finally:
                loop.close()

        failure = explore(scenario, "random").failure
        assert failure is not None
        assert isinstance(failure.outcome.error, interleave.NotControlled)


class TestThreads:
    def test_loops_in_threads(self) -> None:
        def scenario() -> None:
            results: list[int] = []

            async def main(number: int) -> None:
                loop = asyncio.get_running_loop()
                await asyncio.create_task(asyncio.sleep(0))
                assert asyncio.get_running_loop() is loop
                results.append(number)

            threads = [threading.Thread(target=lambda n=n: asyncio.run(main(n))) for n in range(2)]  # type: ignore[misc]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(results) == [0, 1]

        assert explore(scenario).verdict == "proven"
        assert explore(scenario, "random", executions=50).verdict == "passed"

    def test_loop_in_the_background(self) -> None:
        def scenario() -> None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever)
            thread.start()

            async def add(one: int, other: int) -> int:
                await asyncio.sleep(0)
                return one + other

            assert asyncio.run_coroutine_threadsafe(add(1, 2), loop).result() == 3
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

        assert explore(scenario, "random", executions=50).verdict == "passed"

    def test_dpor_reaches_every_order_of_a_thread_and_a_loop(self) -> None:
        def outcomes(strategy: str) -> set[tuple[int, ...]]:
            found = set()

            async def scenario() -> None:
                loop = asyncio.get_running_loop()
                order: list[int] = []

                def work() -> None:
                    loop.call_soon_threadsafe(order.append, 1)
                    order.append(2)

                thread = threading.Thread(target=work)
                thread.start()
                order.append(3)
                await asyncio.sleep(0)
                order.append(4)
                thread.join()
                await asyncio.sleep(0)
                found.add(tuple(order))

            assert explore(scenario, strategy).verdict == "proven"
            return found

        assert outcomes("dpor") == outcomes("dfs")

    def test_race_between_a_task_and_a_worker(self) -> None:
        async def scenario() -> None:
            counter = [0]

            def increment() -> None:
                counter[0] += 1

            await asyncio.gather(asyncio.to_thread(increment), asyncio.to_thread(increment))
            assert counter == [2]

        failure = explore(scenario, "random").failure
        assert failure is not None

    def test_cycle_through_a_thread(self) -> None:
        async def scenario() -> None:
            lock = threading.Lock()
            loop = asyncio.get_running_loop()

            async def need() -> None:
                with lock:
                    pass

            def work() -> None:
                with lock:
                    asyncio.run_coroutine_threadsafe(need(), loop).result()

            await asyncio.to_thread(work)

        failure = explore(scenario).failure
        assert failure is not None
        assert failure.kind == "deadlock"
        assert {one.is_task for one in failure.outcome.blocked if one.tid in failure.outcome.cycle} == {True, False}

    def test_thread_lock_held_over_an_await(self) -> None:
        async def scenario() -> None:
            lock = threading.Lock()

            async def hold() -> None:
                with lock:
                    await asyncio.sleep(0)

            await asyncio.gather(hold(), hold())

        failure = explore(scenario).failure
        assert failure is not None
        assert failure.kind == "deadlock"

    def test_reentrant_lock_belongs_to_the_thread(self) -> None:
        async def scenario() -> None:
            lock = threading.RLock()
            inside = 0

            async def hold() -> None:
                nonlocal inside
                with lock:
                    inside += 1
                    assert inside == 1, "two tasks of one thread in one RLock"
                    await asyncio.sleep(0)
                    inside -= 1

            await asyncio.gather(hold(), hold())

        failure = explore(scenario).failure
        assert failure is not None
        assert failure.kind == "assertion"


class TestDeterminism:
    @pytest.mark.parametrize("strategy", ["auto", "dfs", "dpor", "pct", "pos", "random", "surw"])
    def test_every_strategy_finds_it_and_its_seed_replays(self, strategy: str) -> None:
        failure = explore(lost_update, strategy).failure
        assert failure is not None
        replayed = interleave.replay(lost_update, failure.seed)
        assert replayed.failure is not None
        assert replayed.failure.message == "lost update"

    def test_seed_replays_in_a_fresh_process(self) -> None:
        target = "targets.event_processor:scenario_numbers_are_unique"
        failure = interleave.explore(
            __import__("targets.event_processor", fromlist=["x"]).scenario_numbers_are_unique, strategy="random"
        ).failure
        assert failure is not None
        for hash_seed in ("1", "2"):
            done = subprocess.run(
                [sys.executable, "-m", "interleave", "replay", target, failure.seed],
                cwd=ROOT, capture_output=True, text=True, check=False,
                env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            assert done.returncode == 1, done.stdout + done.stderr
            assert "number given twice" in done.stdout

    def test_nothing_is_left_behind(self) -> None:
        before = asyncio.Lock.acquire, asyncio.Event.set, asyncio.get_event_loop_policy().new_event_loop.__func__  # type: ignore[attr-defined]
        explore(lost_update, "random")
        after = asyncio.Lock.acquire, asyncio.Event.set, asyncio.get_event_loop_policy().new_event_loop.__func__  # type: ignore[attr-defined]
        assert before == after
        assert "set" not in vars(asyncio.tasks)
        asyncio.run(asyncio.sleep(0))

    def test_explores_from_within_a_running_loop(self) -> None:
        async def main() -> Result:
            loop = asyncio.get_running_loop()
            result = explore(lost_update, "random")
            assert asyncio.get_running_loop() is loop
            await asyncio.sleep(0)
            return result

        assert asyncio.run(main()).failures
