"""What is made of results: text, JSON, progress. The results are made by hand, so that no engine is needed."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from interleave.estimate import Estimate, Progress
from interleave.model import (
    Blocked,
    ConflictPair,
    Deviation,
    FailureKind,
    Frame,
    Held,
    Inversion,
    LockStep,
    Outcome,
    Race,
    RaceAccess,
    Schedule,
    Severity,
    Statistics,
    Step,
    ThreadInfo,
    Trace,
    UnderGil,
)
from interleave.report import FORMATS, write
from interleave.report.columns import effect, names_of, turns_of
from interleave.report.machine import as_data
from interleave.report.progress import ProgressDisplay, progress_text, share_done
from interleave.report.text import TextReporter, render
from interleave.report.trace import write_trace
from interleave.report.waits import cycle_text
from interleave.report.words import count_of, wants_color
from interleave.result import Budget, Failure, Result, Verdict

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def _in_golden_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in reports are relative to the current folder."""
    monkeypatch.chdir(GOLDEN)


def at(line: int, function: str) -> Frame:
    return Frame(str(GOLDEN / "bank.py"), line, function)


def step(index: int, tid: int, kind: str, line: int, place: str = "", value: str = "", *, is_shared: bool = True) -> Step:
    function = "scenario_withdraw" if tid == 0 else "withdraw"
    return Step(index, tid, kind, place, value, at(line, function), is_shared)


def threads_of(*names: str) -> list[ThreadInfo]:
    return [ThreadInfo(tid, (0, tid)[: tid + 1], name, -1 if tid == 0 else 0) for tid, name in enumerate(names)]


def failure_of(kind: FailureKind, message: str, outcome: Outcome, steps: list[Step], *names: str, scenario: str) -> Failure:
    trace = Trace(threads=threads_of(*names), moments=len(steps), preemptions=1, switches=4, steps=steps)
    return Failure(
        kind=kind,
        message=message,
        seed=f"seed-{kind}",
        scenario=scenario,
        outcome=outcome,
        trace=trace,
        schedule=Schedule((Deviation(5, 1), Deviation(9, 0))),
        preemptions=1,
        executions=14,
        replay_command=f"python -m interleave replay {scenario} seed-{kind}",
    )


def overdrawn() -> Failure:
    balance = "Account.balance"
    steps = [
        step(0, 0, "spawn", 29, "Thread-1", is_shared=False),
        step(1, 0, "spawn", 29, "Thread-2", is_shared=False),
        step(2, 1, "read", 14, balance, "100"),
        step(3, 2, "read", 13, balance, "100"),
        step(4, 2, "read", 14, balance, "100"),
        step(5, 2, "read", 14, balance, "100"),
        step(6, 2, "write", 14, balance, "20"),
        step(7, 1, "read", 14, "withdraw.amount", "80", is_shared=False),
        step(8, 1, "write", 14, balance, "-60"),
        step(9, 0, "join", 31, "Thread-1", is_shared=False),
        step(10, 0, "read", 32, balance, "-60"),
    ]
    outcome = Outcome(
        kind="assertion",
        message="-60",
        signature=("assertion",),
        where=at(32, "scenario_withdraw"),
        error=AssertionError(-60),
        traceback='  File "bank.py", line 32, in scenario_withdraw\n    assert account.balance >= 0\nAssertionError: -60\n',
    )
    message = "AssertionError: -60\nassert -60 >= 0"
    return failure_of("assertion", message, outcome, steps, "scenario", "Thread-1", "Thread-2", scenario="bank:scenario_withdraw")


def deadlocked() -> Failure:
    first = Blocked(
        tid=1,
        thread="left",
        kind="acquire",
        resource="lock 'target.lock'",
        holders=(2,),
        needs="",
        where=at(19, "transfer"),
        holds=(Held("lock 'source.lock'", at(18, "transfer")),),
    )
    second = Blocked(
        tid=2,
        thread="right",
        kind="acquire",
        resource="lock 'source.lock'",
        holders=(1,),
        needs="",
        where=at(19, "transfer"),
        holds=(Held("lock 'target.lock'", at(18, "transfer")),),
    )
    scenario = Blocked(
        tid=0, thread="scenario", kind="join", resource="the end of left", holders=(1,), needs="left to end", where=at(31, "scenario")
    )
    steps = [
        step(0, 1, "acquire", 18, "lock 'source.lock'"),
        step(1, 2, "acquire", 18, "lock 'target.lock'"),
    ]
    outcome = Outcome("deadlock", "2 threads wait for each other", ("deadlock",), 1, blocked=(scenario, first, second), cycle=(1, 2))
    return failure_of("deadlock", outcome.message, outcome, steps, "scenario", "left", "right", scenario="bank:scenario_transfer")


def result_of(name: str, verdict: Verdict, *failures: Failure, stopped_by: str = "executions", executions: int = 2000) -> Result:
    return Result(
        scenario=name,
        verdict=verdict,
        executions=executions,
        exhausted=verdict == "proven",
        strategy="dfs" if verdict == "proven" else "random",
        scope="every schedule of accesses and synchronisation" if verdict == "proven" else "",
        stopped_by="exhausted" if verdict == "proven" else stopped_by,
        failures=failures,
        uncontrolled=("a lock of another thread was waited for at bank.py:18",) if verdict == "inconclusive" else (),
        statistics=Statistics(seconds=0.5),
    )


def race_of(severity: Severity, message: str, reason: str = "") -> Race:
    file, locks = str(GOLDEN / "bank.py"), ("Lock 'Account.lock'",)
    accesses = (
        RaceAccess(1, "Thread-1", "reads", "100", file, 14, "withdraw", locks),
        RaceAccess(2, "Thread-2", "writes", "20", file, 14, "withdraw"),
        RaceAccess(1, "Thread-1", "writes", "20", file, 14, "withdraw", locks),
    )
    key = ("Account.balance", f"{file}:14")
    return Race(
        "unserializable",
        "read-write-write",
        severity,
        "Account.balance",
        message,
        accesses,
        key,
        seed="seed-race",
        reason=reason,
        executions=3,
    )


def raced() -> Result:
    """Four possible races are one more than are listed."""
    lost = race_of("harmful", "lost update of Account.balance")
    possible = [race_of("possible", f"nothing orders what threads do in line {line}") for line in range(4)]
    step = LockStep(1, "left", "lock 'source.lock'", at(18, "transfer"), "lock 'target.lock'", at(19, "transfer"))
    inversion = Inversion((step, replace(step, tid=2, thread="right")), "locks are taken in opposite orders", ("key",), seed="seed-order")
    races = (lost, *possible, race_of("benign", "a flag is set", "a flag that is only ever set to one value"))
    return replace(result_of("bank:scenario_many", "passed"), races=races, inversions=(inversion,), statistics=counted())


def counted() -> Statistics:
    """Of six pairs of accesses one was seen in both orders."""
    file = str(GOLDEN / "bank.py")
    pairs = [
        ConflictPair("Account.balance", f"{file}:{line}", "read", f"{file}:14", "write", line == 14) for line in (14, 13, 29, 30, 31, 32)
    ]
    return Statistics(
        steps=24_000, longest=14, threads=3, switches=9_000, looks=9, tries=4, classed=500, classes=20, unseen=0.004, looked=512,
        pairs=tuple(pairs), depth=3, chance=0.002, chance_of_all=0.982, shares={"surw": 60, "pos": 40}, seconds=0.5,
    )  # fmt: skip


def results() -> list[Result]:
    return [
        result_of(
            "bank:scenario_withdraw",
            "failed",
            replace(overdrawn(), under_gil=UnderGil("impossible", 12)),
            stopped_by="failure",
            executions=14,
        ),
        result_of("bank:scenario_transfer", "failed", deadlocked(), overdrawn(), stopped_by="failure", executions=14),
        result_of("bank:scenario_read", "proven", executions=6),
        raced(),
        result_of("other:scenario_external", "inconclusive"),
        result_of("other:scenario_long", "passed", stopped_by="interrupt", executions=1234),
    ]


def golden(name: str, text: str) -> str:
    """Return the text of a golden file; write it anew first if it is missing."""
    path = GOLDEN / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path} was missing and has been written: read it, then commit it")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["text", *FORMATS])
def test_run_is_written_as_in_the_golden_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0")
    out = io.StringIO()
    if name == "text":
        out.write(written())
    else:
        write(name, results(), out)
    text = out.getvalue().replace(str(GOLDEN), "GOLDEN").replace("CPython {}.{}".format(*sys.version_info), "CPython 3.N")
    if name == "html":
        # Of the page, what is made for these results: its style and its program are the same for all.
        text = re.sub(r"(<style>|<script>).*?(</style>|</script>)", r"\1...\2", text, flags=re.DOTALL)
    assert text == golden(f"{name}.txt", text)


def test_report_of_a_race_lists_its_accesses_with_their_locks() -> None:
    race = race_of("harmful", "lost update of Account.balance")
    outcome = Outcome("race", race.message, ("race", *race.key), 1, where=at(14, "withdraw"), race=race)
    text = render(failure_of("race", race.message, outcome, [], "scenario", "Thread-1", "Thread-2", scenario="bank:scenario_many"))
    start = text.index("Race\n")
    assert [line.strip() for line in text[start:].splitlines()[1:7]] == [
        "Thread-1 reads Account.balance = 100, holding Lock 'Account.lock'",
        "at bank.py:14 in withdraw: account.balance -= amount",
        "Thread-2 writes Account.balance = 20, holding no lock",
        "at bank.py:14 in withdraw: account.balance -= amount",
        "Thread-1 writes Account.balance = 20, holding Lock 'Account.lock'",
        "at bank.py:14 in withdraw: account.balance -= amount",
    ]


def test_turns_fold_what_belongs_together() -> None:
    turns = turns_of(overdrawn().trace.steps)
    assert [turn.tid for turn in turns] == [0, 1, 2, 1, 0]
    assert [line.where.line for line in turns[2].lines] == [13, 14]
    assert turns[2].lines[1].effects == ("reads Account.balance = 100 (2 times)", "writes Account.balance = 20")
    # The access to `amount`, which only one thread touches, is left out.
    assert [line.effects for line in turns[3].lines] == [("writes Account.balance = -60",)]


def test_long_turns_keep_both_ends() -> None:
    steps = [step(index, 1, "read", line) for index, line in enumerate(range(1, 33))]
    (turn,) = turns_of(steps)
    shown = [line.where.line for line in turn.lines]
    assert len(shown) + turn.skipped == 32
    assert shown[0] == 1
    assert shown[-1] == 32
    assert shown[turn.first] - shown[turn.first - 1] == turn.skipped + 1


def test_a_step_without_place_and_value_is_its_verb() -> None:
    assert effect(step(0, 0, "yield", 1)) == "yields"
    assert effect(step(0, 0, "unheard-of", 1, "x", "3")) == "unheard-of x = 3"


def test_threads_of_one_name_are_told_apart() -> None:
    assert names_of(threads_of("scenario", "worker", "worker")) == {0: "scenario", 1: "worker #1", 2: "worker #2"}


def test_cycle_names_every_lock_and_holder() -> None:
    outcome = deadlocked().outcome
    expected = "left -> lock 'target.lock' (held by right) -> lock 'source.lock' (held by left)"
    assert cycle_text(outcome, {1: "left", 2: "right"}) == expected


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("make", [overdrawn, deadlocked])
def test_table_fits_the_width(make: object, width: int) -> None:
    assert callable(make)
    lines = render(make(), width=width).splitlines()
    table = [line for line in lines if "│" in line or "┼" in line]
    assert table
    assert max(map(len, table)) <= width


def test_many_threads_are_listed_not_squeezed() -> None:
    steps = [step(index, index % 40 + 1, "write", 14, "Account.balance", str(index)) for index in range(200)]
    failure = failure_of("assertion", "-60", overdrawn().outcome, steps, "scenario", *(f"worker-{n}" for n in range(40)), scenario="m:s")
    text = render(failure, width=100)
    assert "worker-39" in text
    assert "160 turns left out" in text
    assert "writes Account.balance = 199" in text


def test_color_adds_nothing_but_color() -> None:
    import re

    colored = render(overdrawn(), width=100, color=True)
    assert "\x1b[" in colored
    plain = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", colored).splitlines()]
    assert plain == render(overdrawn(), width=100).splitlines()


def test_report_without_steps_still_has_seed_and_command() -> None:
    failure = failure_of("livelock", "more than 20,000 steps", Outcome("livelock", "", ("livelock",)), [], "scenario", scenario="m:s")
    text = render(failure, width=80)
    assert "more than 20,000 steps" in text
    assert "seed-livelock" in text
    assert "python -m interleave replay m:s seed-livelock" in text


def test_failure_reports_itself_through_the_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    failure = overdrawn()
    assert failure.report() == render(failure)


def test_json_is_plain_data_of_version_1() -> None:
    data = json.loads(json.dumps(as_data(results())))
    assert data["version"] == 1
    assert [one["verdict"] for one in data["scenarios"]] == ["failed", "failed", "proven", "passed", "inconclusive", "passed"]
    (failure,) = data["scenarios"][0]["failures"]
    assert (failure["kind"], failure["seed"], failure["line"], failure["thread"]) == ("assertion", "seed-assertion", 32, "scenario")
    assert data["scenarios"][2]["exhausted"] is True


def test_trace_lists_every_step() -> None:
    out = io.StringIO()
    write_trace(overdrawn().trace, out)
    lines = out.getvalue().splitlines()
    assert lines[7].split() == ["7", "Thread-1", "reads", "withdraw.amount", "=", "80", "bank.py:14", "in", "withdraw"]
    assert lines[8].split()[:3] == ["8", "Thread-1", "*"]
    assert lines[11].startswith("11 steps, 4 switches, 1 preemption;")


class Now:
    """What an exploration tells about itself."""

    rate = Progress.rate

    def __init__(self, executions: int, seconds: float, failures: int = 0, budget: Budget | None = None) -> None:
        self.executions = executions
        self.seconds = seconds
        self.failures = failures
        self.budget = Budget(executions=2000) if budget is None else budget
        self.left: Estimate | None = None
        self.made = executions
        self.unseen: float | None = None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (Now(500, 5.0), "m:s: 500 executions, 100/s, 0 failures so far, at most 15 s left"),
        (Now(500, 5.0, 1, Budget(executions=None, seconds=605.0)), "m:s: 500 executions, 100/s, 1 failure so far, at most 10 min 0 s left"),
        (Now(500, 5.0, 0, Budget(executions=None)), "m:s: 500 executions, 100/s, 0 failures so far"),
        (Now(0, 0.0), "m:s: 0 executions, 0/s, 0 failures so far"),
    ],
)
def test_progress_says_rate_failures_and_time_left(now: Now, expected: str) -> None:
    assert progress_text("m:s", now) == expected


def test_progress_says_how_much_of_a_proof_is_left() -> None:
    now = Now(500, 5.0)
    now.left = Estimate(50, 150)
    assert "25.0% of a proof, about 150 schedules left" in progress_text("m:s", now)
    now.left = Estimate(50, 150, is_bound=True)
    assert "at least 150 schedules left" in progress_text("m:s", now)


def test_progress_writes_plain_lines_after_two_seconds_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    with ProgressDisplay("m:s", out) as display:
        for second in range(1, 25):
            display(Now(100 * second, float(second)))
    assert [line.split(" executions")[0] for line in out.getvalue().splitlines()] == ["m:s: 200", "m:s: 1,200", "m:s: 2,200"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    return Terminal()


def test_progress_keeps_one_line_on_a_terminal(terminal: Terminal) -> None:
    out = terminal
    with ProgressDisplay("m:s", out) as display:
        display(Now(100, 1.0))
        assert not out.getvalue()
        display(Now(200, 2.0))
        display(Now(300, 3.0))
    assert "200 executions" in out.getvalue()
    assert "300 executions" in out.getvalue()


def test_progress_has_a_bar_where_the_end_is_known(terminal: Terminal) -> None:
    with ProgressDisplay("m:s", terminal) as display:
        display(Now(500, 3.0, 0, Budget(executions=None)))
    assert "\u2501" not in terminal.getvalue()
    with ProgressDisplay("m:s", terminal) as display:
        display(Now(500, 3.0))
    assert "\u2501" in terminal.getvalue()


@pytest.mark.parametrize(
    ("budget", "left", "expected"),
    [
        (Budget(executions=2_000), None, 0.25),
        (Budget(executions=2_000, seconds=4.0), None, 0.5),
        (Budget(executions=2_000), Estimate(300, 100), 0.75),
        # Of a lower bound nobody knows what part it is.
        (Budget(executions=2_000), Estimate(300, 100, is_bound=True), 0.25),
        (Budget(executions=None), None, None),
    ],
)
def test_share_done_is_of_what_ends_first(budget: Budget, left: Estimate | None, expected: float | None) -> None:
    now = Now(500, 2.0, 0, budget)
    now.left = left
    assert share_done(now) == expected


def test_progress_says_how_deep_a_search_is_and_what_is_unseen() -> None:
    now = Now(500, 5.0)
    now.left, now.unseen = Estimate(50, 150, depth=12), 0.125
    assert progress_text("m:s", now).endswith("depth 12, 12.5% unseen, at most 15 s left")


def test_progress_after_a_continuation_counts_what_is_added() -> None:
    now = Now(1_500, 5.0)
    now.made = 500
    assert progress_text("m:s", now) == "m:s: 1,500 executions, 100/s, 0 failures so far, at most 15 s left"
    assert share_done(now) == 0.25


def test_progress_of_a_log_is_plain_in_continuous_integration(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with ProgressDisplay("m:s", terminal) as display:
        display(Now(500, 3.0))
    assert terminal.getvalue() == progress_text("m:s", Now(500, 3.0)) + "\n"


def test_progress_can_be_silent() -> None:
    out = io.StringIO()
    with ProgressDisplay("m:s", out, is_on=False) as display:
        display(Now(500, 1e9))
    assert not out.getvalue()


def test_no_color_is_respected(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wants_color(terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_color(terminal)
    with ProgressDisplay("m:s", terminal) as display:
        display(Now(500, 3.0))
    assert "\x1b[3" not in terminal.getvalue()
    assert not wants_color(io.StringIO())


def written(*, is_quiet: bool = False, is_verbose: bool = False) -> str:
    out, writer = io.StringIO(), TextReporter(is_quiet=is_quiet, is_verbose=is_verbose)
    for result in results():
        writer.add(result, out)
    writer.finish(results(), out)
    return out.getvalue()


def test_quiet_writes_the_reports_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    reports = [render(failure) for result in results() for failure in result.failures]
    assert written(is_quiet=True) == "".join(f"\n{report}" for report in reports)


def test_verbose_writes_what_is_shortened_otherwise() -> None:
    assert "(--verbose or --json lists them)" in written()
    assert "executions by strategy: surw 60, pos 40" not in written()
    everything = written(is_verbose=True)
    assert "executions by strategy: surw 60, pos 40" in everything
    assert "lists them)" not in everything.replace("benign (--json lists them)", "")
    assert everything.count("Account.balance: read at") == 5
    assert everything.count("Choices other than the default, of threads and values\n  1 at 5, 0 at 9\n") == 3
    assert "Choices other" not in written()


@pytest.mark.parametrize(
    ("number", "noun", "expected"),
    [(1, "step", "1 step"), (0, "step", "0 steps"), (2, "class", "2 classes"), (1_000, "switch", "1,000 switches")],
)
def test_numbers_agree_with_their_nouns(number: int, noun: str, expected: str) -> None:
    assert count_of(number, noun) == expected


def test_what_an_interactive_session_shows_of_a_result_fits_on_a_few_lines() -> None:
    for result in results():
        assert len(repr(result)) < 400 + 300 * len(result.failures)
        assert all(failure.seed in repr(result) for failure in result.failures)
