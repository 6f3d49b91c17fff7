"""Loops of thousands of rounds: correct programs were called livelocks, and reports of broken ones had a line for every round."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from interleave import Budget, explore, replay
from interleave.cli import cli
from interleave.report.columns import turns_of
from tests.threads import together

ROUNDS = 60
#: Far fewer steps than the programs have.
SHORT = Budget(executions=4, steps=100)

counter = 0


def counts_up() -> None:
    global counter
    counter = 0

    def count() -> None:
        global counter
        for _ in range(ROUNDS):
            counter += 1

    together(count, count)
    assert counter == 2 * ROUNDS


def counts_properly() -> None:
    lock = threading.Lock()
    total = 0

    def count() -> None:
        nonlocal total
        for _ in range(ROUNDS):
            with lock:
                total += 1

    together(count, count)
    assert total == 2 * ROUNDS


def draws_numbers() -> None:
    """Too long even for an execution that is let go on."""

    def draw() -> None:
        for _ in range(SHORT.steps * 20):
            numbers.append(1)

    numbers: list[int] = []
    together(draw, draw)


def backs_off() -> None:
    """Whoever does not get the second lock in time gives the first one back."""
    one, two = threading.Lock(), threading.Lock()
    done: list[int] = []

    def work(first: threading.Lock, second: threading.Lock) -> None:
        while True:
            first.acquire()
            if second.acquire(timeout=0.1):
                break
            first.release()
        done.append(1)
        second.release()
        first.release()

    together(lambda: work(one, two), lambda: work(two, one))
    assert len(done) == 2


def polls_for_ever() -> None:
    def poll() -> None:
        for _ in range(2):
            while True:
                turns.append(len(turns))
                time.sleep(1)

    turns: list[int] = []
    together(poll, poll)


@pytest.mark.parametrize("strategy", ["auto", "dfs", "dpor", "random", "pct", "pos", "surw"])
def test_a_correct_program_is_no_livelock(strategy: str) -> None:
    result = explore(counts_properly, strategy=strategy, budget=SHORT)
    assert result.verdict == "passed", result.failure and result.failure.report()
    assert result.executions == SHORT.executions or strategy in ("dfs", "dpor")


@pytest.mark.parametrize("strategy", ["auto", "dpor", "random", "pos"])
def test_what_fails_in_the_end_is_found_and_made_simple(strategy: str) -> None:
    failure = explore(counts_up, strategy=strategy, budget=SHORT).failure
    assert failure is not None
    assert failure.kind == "assertion"
    assert failure.preemptions == 1
    assert failure.trace.moments > SHORT.steps
    again = replay(counts_up, failure.seed).failure
    assert again is not None
    assert again.outcome.signature == failure.outcome.signature


def test_its_report_shows_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    failure = explore(counts_up).failure
    assert failure is not None
    turns = turns_of(failure.trace.steps)
    assert sum(len(turn.lines) for turn in turns) < 12
    assert max(line.rounds for turn in turns for line in turn.lines) in (ROUNDS - 1, ROUNDS)
    assert "lost an update" in failure.report()
    assert failure.report().count("\n") < 90


def test_what_explains_a_long_failure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands of accesses those count that are near a switch."""
    monkeypatch.setitem(globals(), "ROUNDS", 1_200)
    failure = explore(counts_up, gil_label=False).failure
    assert failure is not None
    assert "lost an update" in failure.report()


def makes_two() -> None:
    """Ten threads, of which two come into each other's way."""
    made: list[object] = []
    seen: list[object] = []

    def get() -> None:
        if not made:
            time.sleep(0.001)
            made.append(object())
        seen.append(made[-1])

    together(*[get] * 10)
    assert len(made) == 1


def test_turns_far_from_what_explains_the_failure_are_left_out() -> None:
    failure = explore(makes_two, strategy="random").failure
    assert failure is not None
    assert len(turns_of(failure.trace.steps)) > 20
    report = failure.report()
    assert "turns left out" in report
    assert report.count("\n> ") + report.count("\u2502 > ") >= 3, "what explains it is not"
    assert report.count("\n") < 110


def test_the_command_line_takes_a_number_of_steps() -> None:
    arguments = ["explore", "--steps", "100", "--executions", "2", "--no-database", "--json", "-", f"{__file__}::draws_numbers"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["scenarios"][0]
    assert found["verdict"] == "inconclusive"
    assert "was not over after 2,500 steps" in found["uncontrolled"][0]


def test_what_is_too_long_is_said_to_be() -> None:
    result = explore(draws_numbers, strategy="random", budget=Budget(executions=1, steps=SHORT.steps))
    assert result.verdict == "inconclusive"
    assert "was not over after 2,500 steps" in result.uncontrolled[0]


@pytest.mark.parametrize("strategy", ["auto", "dpor", "random"])
def test_backing_off_in_step_is_no_livelock(strategy: str) -> None:
    assert not explore(backs_off, strategy=strategy, budget=Budget(executions=20, steps=500)).failures


def counts_by_hand() -> None:
    numbers: list[int] = []

    def count() -> None:
        number = 0
        while number < SHORT.steps * 4:
            number = number + 1
            numbers.append(number)

    together(count, count)


def counts_down_in_an_object() -> None:
    left = [SHORT.steps * 4]

    def count() -> None:
        while left[0]:
            left[0] -= 1

    together(count)


@pytest.mark.parametrize("scenario", [counts_by_hand, counts_down_in_an_object])
@pytest.mark.parametrize("isolate", ["off", "fork"])
def test_a_loop_that_counts_by_hand_is_no_livelock(scenario: Callable[[], None], isolate: str) -> None:
    result = explore(scenario, strategy="random", budget=Budget(executions=2, steps=SHORT.steps), isolate=isolate)
    assert result.verdict == "passed", result.failure and result.failure.message


def test_a_loop_without_an_end_is_one_within_a_loop_over_something_too() -> None:
    failure = explore(polls_for_ever, strategy="random", budget=SHORT).failure
    assert failure is not None
    assert failure.kind == "livelock"


async def polls_in_a_task() -> None:
    is_set = False

    async def poll() -> None:
        while not is_set:
            await asyncio.sleep(0)

    await asyncio.gather(poll(), asyncio.sleep(0))


@pytest.mark.parametrize("strategy", ["dpor", "random"])
def test_a_task_that_polls_for_ever_is_named_with_its_loop(strategy: str) -> None:
    failure = explore(polls_in_a_task, strategy=strategy, budget=Budget(executions=3, steps=400)).failure
    assert failure is not None
    assert failure.kind == "livelock"
    assert failure.outcome.where is not None
    assert failure.outcome.where.function.endswith("poll")


async def counts_in_tasks() -> None:
    lock = asyncio.Lock()
    total = 0

    async def count() -> None:
        nonlocal total
        for _ in range(ROUNDS):
            async with lock:
                seen = total
                await asyncio.sleep(0)
                total = seen + 1

    await asyncio.gather(count(), count())
    assert total == 2 * ROUNDS


@pytest.mark.parametrize("strategy", ["auto", "dpor", "random"])
def test_tasks_that_are_only_long_are_no_livelock(strategy: str) -> None:
    assert explore(counts_in_tasks, strategy=strategy, budget=SHORT).verdict == "passed"
