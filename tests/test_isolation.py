"""State that outlives an execution: it is named, or put back."""

from __future__ import annotations

import collections
import dataclasses
import importlib.util
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import interleave
from interleave.instrument.scope import Scope
from interleave.isolation.changes import changes
from interleave.isolation.snapshot import Snapshot
from interleave.strategies.few import Few

Load = Callable[..., ModuleType]

#: Put into every module: run something in two threads that both lock `count()` times, so that what is kept shows in the steps.
HEAD = """
import collections, functools, itertools, logging, queue, random, threading, weakref

def locks(count):
    lock = threading.Lock()

    def work():
        for _ in range(count):
            with lock:
                pass

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""

#: By name: code that keeps something, with what `scenario` does with it, and how a finding names it.
KEEPERS = {
    "number": (
        "N = 0\ndef scenario():\n    global N\n    N += 1\n    locks(N)\n",
        "`keeper.N` was changed by the execution: it was 3 before and 4 after",
    ),
    "dict": (
        "_entries = {}\ndef scenario():\n    _entries[len(_entries)] = None\n    locks(len(_entries))\n",
        "`keeper._entries` was changed by the execution: it had 3 items before and 4 after",
    ),
    "value": (
        "_hits = {'a': 0}\ndef scenario():\n    _hits['a'] += 1\n    locks(_hits['a'])\n",
        "`keeper._hits['a']` was changed by the execution: it was 3 before and 4 after",
    ),
    "element": (
        "_rows = [[0]]\ndef scenario():\n    _rows[0][0] += 1\n    locks(_rows[0][0])\n",
        "`keeper._rows[0][0]` was changed by the execution: it was 3 before and 4 after",
    ),
    "set": (
        "_seen = set()\ndef scenario():\n    _seen.add(len(_seen))\n    locks(len(_seen))\n",
        "`keeper._seen` was changed by the execution: it had 3 items before and 4 after",
    ),
    "deque": (
        "_seen = collections.deque()\ndef scenario():\n    _seen.append(0)\n    locks(len(_seen))\n",
        "`keeper._seen` was changed by the execution: it had 3 items before and 4 after",
    ),
    "bytearray": (
        "_seen = bytearray()\ndef scenario():\n    _seen.append(0)\n    locks(len(_seen))\n",
        "`keeper._seen` was changed by the execution: it had 3 items before and 4 after",
    ),
    "counter": (
        "_seen = collections.Counter()\ndef scenario():\n    _seen['a'] += 1\n    locks(_seen['a'])\n",
        "`keeper._seen['a']` was changed by the execution: it was 3 before and 4 after",
    ),
    "ordered": (
        "_seen = collections.OrderedDict()\ndef scenario():\n    _seen[len(_seen)] = 0\n    locks(len(_seen))\n",
        "`keeper._seen` was changed by the execution: it had 3 items before and 4 after",
    ),
    "class": (
        "class C:\n    made = 0\ndef scenario():\n    C.made += 1\n    locks(C.made)\n",
        "`keeper.C.made` was changed by the execution: it was 3 before and 4 after",
    ),
    "instance": (
        "class C:\n    def __init__(self):\n        self.x = 0\nc = C()\ndef scenario():\n    c.x += 1\n    locks(c.x)\n",
        "`keeper.c.x` was changed by the execution: it was 3 before and 4 after",
    ),
    "slots": (
        "class C:\n    __slots__ = ('x',)\nc = C()\ndef scenario():\n    c.x = getattr(c, 'x', 0) + 1\n    locks(c.x)\n",
        "`keeper.c.x` was changed by the execution: it was 3 before and 4 after",
    ),
    "function": (
        "def scenario():\n    scenario.n = getattr(scenario, 'n', 0) + 1\n    locks(scenario.n)\n",
        "`keeper.scenario.n` was changed by the execution: it was 3 before and 4 after",
    ),
    "default": (
        "def more(into=[]):\n    into.append(0)\n    return len(into)\ndef scenario():\n    locks(more())\n",
        "`keeper.more.<default>` was changed by the execution: it had 3 items before and 4 after",
    ),
    "closure": (
        "def counter():\n    n = 0\n    def count():\n        nonlocal n\n        n += 1\n        return n\n    return count\n"
        "count = counter()\ndef scenario():\n    locks(count())\n",
        "`keeper.count.<n>` was changed by the execution: it was 3 before and 4 after",
    ),
    "subclass": (
        "class D(dict):\n    pass\nd = D()\ndef scenario():\n    d[len(d)] = 0\n    locks(len(d))\n",
        "`keeper.d` was changed by the execution: it had 3 items before and 4 after",
    ),
    "weak values": (
        "class C:\n    pass\nc, d = C(), weakref.WeakValueDictionary()\ndef scenario():\n    d[len(d)] = c\n    locks(len(d))\n",
        "`keeper.d.data` was changed by the execution: it had 3 items before and 4 after",
    ),
    "weak keys": (
        "class C:\n    pass\nall, d = [C() for _ in range(9)], weakref.WeakKeyDictionary()\n"
        "def scenario():\n    d[all[len(d)]] = 0\n    locks(len(d))\n",
        "`keeper.d.data` was changed by the execution: it had 3 items before and 4 after",
    ),
    "weak set": (
        "class C:\n    pass\nall, s = [C() for _ in range(9)], weakref.WeakSet()\n"
        "def scenario():\n    s.add(all[len(s)])\n    locks(len(s))\n",
        "`keeper.s.data` was changed by the execution: it had 3 items before and 4 after",
    ),
    "logger": (
        "log = logging.getLogger('keeper')\ndef scenario():\n    log.addHandler(logging.NullHandler())\n    locks(len(log.handlers))\n",
        "`keeper.log.handlers` was changed by the execution: it had 3 items before and 4 after",
    ),
    "queue": (
        "q = queue.Queue()\ndef scenario():\n    q.put(0)\n    locks(q.qsize())\n",
        "`keeper.q.queue` was changed by the execution: it had 3 items before and 4 after",
    ),
    "random": (
        "rng = random.Random(1)\ndef scenario():\n    locks(rng.randrange(1, 40))\n",
        "`keeper.rng` was changed by the execution: random numbers were drawn from it",
    ),
    "new": (
        "def scenario():\n    globals()[f'x{len(globals())}'] = 0\n    locks(len(globals()) % 20)\n",
        "was changed by the execution: it was not there before and is 0 after",
    ),
}  # fmt: skip


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Return what imports a module that keeps state, given its code, as `keeper`."""

    def imported(code: str, name: str = "keeper") -> ModuleType:
        file = tmp_path / f"{name}.py"
        file.write_text(HEAD + textwrap.dedent(code), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        loaded.append(name)
        spec.loader.exec_module(module)
        return module

    loaded: list[str] = []
    yield imported
    for name in loaded:
        del sys.modules[name]


@pytest.mark.parametrize("name", KEEPERS)
def test_finding_names_what_was_changed(load: Load, name: str) -> None:
    code, sentence = KEEPERS[name]
    result = interleave.explore(load(code).scenario)
    assert result.failure is not None
    assert result.failure.kind == "nondeterminism"
    assert any(sentence in one for one in result.failure.outcome.changed), result.failure.outcome.changed
    assert "was changed by the execution" in " ".join(result.failure.report().split())


def test_nothing_is_named_that_the_scenario_sets_itself(load: Load) -> None:
    code = """
        cache, rows, hits, seen = {}, [], 0, set()
        def scenario():
            global cache, rows, hits, seen
            cache, rows, hits, seen = {"a": [1, {2}]}, [[0]], 1, {3}
            scenario.n = getattr(scenario, "n", 0) + 1
            locks(scenario.n)
    """
    result = interleave.explore(load(code).scenario)
    assert result.failure is not None
    assert [sentence.split("`")[1] for sentence in result.failure.outcome.changed] == ["keeper.scenario.n"]


def test_failure_by_what_the_last_execution_left_is_no_failure_of_the_schedule(load: Load) -> None:
    module = load("made = []\ndef scenario():\n    locks(1)\n    made.append(0)\n    assert len(made) == 1\n")
    failure = interleave.explore(module.scenario).failure
    assert failure is not None
    assert failure.kind == "nondeterminism"
    assert failure.outcome.changed == ("`keeper.made` was changed by the execution: it had 3 items before and 4 after",)
    module.made.clear()
    assert interleave.explore(module.scenario, isolate="globals").verdict == "proven"


def test_no_code_of_the_program_is_run_by_looking(load: Load) -> None:
    module = load("""
        calls = []
        class Loud:
            def __eq__(self, other): calls.append("eq"); raise RuntimeError
            def __hash__(self): calls.append("hash"); return 1
            def __repr__(self): calls.append("repr"); raise RuntimeError
            def __len__(self): calls.append("len"); raise RuntimeError
            def __iter__(self): calls.append("iter"); raise RuntimeError
            def __bool__(self): calls.append("bool"); raise RuntimeError
            def __getattribute__(self, name): calls.append(name); raise RuntimeError
        class LoudDict(dict):
            def __iter__(self): calls.append("iter"); raise RuntimeError
            def items(self): calls.append("items"); raise RuntimeError
            def copy(self): calls.append("copy"); raise RuntimeError
        a, b = Loud(), Loud()
        table = {a: b}
        quiet = LoudDict(x=b)
        one = {b}
        calls.clear()
    """)
    snapshot = Snapshot(Scope(), module.locks)
    module.b = module.a
    dict.__setitem__(module.table, "more", module.a)
    dict.__setitem__(module.quiet, "x", module.a)
    module.one.clear()
    assert len(changes(snapshot)) == 2
    assert module.calls == []
    snapshot.put_back()
    assert changes(snapshot) == []
    assert module.calls == []
    assert dict.__getitem__(module.quiet, "x") is module.b


@pytest.mark.parametrize("name", [name for name in KEEPERS if name != "number"])
def test_globals_are_put_back(load: Load, name: str) -> None:
    scenario = load(KEEPERS[name][0]).scenario
    before = Snapshot(Scope(), scenario)
    result = interleave.explore(scenario, isolate="globals", budget=interleave.Budget(executions=30))
    assert not result.failures
    assert changes(before) == []


def test_seeds_of_isolated_executions_replay(load: Load) -> None:
    code = """
        cache, lock = {}, threading.Lock()
        def get(key):
            if key not in cache:
                with lock:
                    cache[key] = cache.get(key, 0) + 1
            return cache[key]
        def scenario():
            got = []
            threads = [threading.Thread(target=lambda: got.append(get("a"))) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert cache["a"] == 1
    """
    scenario = load(code).scenario
    failure = interleave.explore(scenario, isolate="globals").failure
    assert failure is not None
    assert failure.kind == "assertion"
    for _ in range(2):
        replayed = interleave.replay(scenario, failure.seed, isolate="globals")
        assert replayed.failure is not None
        assert replayed.failure.outcome.signature == failure.outcome.signature
    assert scenario.__globals__["cache"] == {}


def test_small_programs_are_proven_in_spite_of_what_they_keep(load: Load) -> None:
    assert interleave.explore(load(KEEPERS["dict"][0]).scenario, isolate="globals").verdict == "proven"


def test_objects_stay_the_ones_they_are(load: Load) -> None:
    module = load("""
        rows, table, seen, late, raw = [1, 2], {"b": 1, "a": 2}, {1, 2}, collections.deque([1], maxlen=3), bytearray(b"ab")
        counts = collections.defaultdict(list, a=[1])
        class C:
            __slots__ = ("x", "y")
        c = C()
        c.x = rows
        class Meta(type):
            def __setattr__(cls, name, value): raise RuntimeError
            def __delattr__(cls, name): raise RuntimeError
        class D(metaclass=Meta):
            x = 1
        @functools.lru_cache
        def cached(x): return x
        def scenario():
            rows.append(3); table.pop("b"); seen.add(3); late.append(2); raw.extend(b"c")
            counts["b"].append(1); counts["a"].append(2)
            c.x = c.y = None
            type.__setattr__(D, "x", 2)
            type.__setattr__(D, "y", 2)
            cached(1)
            globals()["new"] = 1
            del globals()["C"]
    """)
    objects = (module.rows, module.table, module.seen, module.late, module.raw, module.counts, module.c, module.C, module.D)
    interleave.explore(module.scenario, isolate="globals")
    assert all(
        one is other
        for one, other in zip(
            objects,
            (module.rows, module.table, module.seen, module.late, module.raw, module.counts, module.c, module.C, module.D),
            strict=True,
        )
    )
    assert (module.rows, list(module.table.items()), module.seen) == ([1, 2], [("b", 1), ("a", 2)], {1, 2})
    assert (module.late, module.late.maxlen, module.raw) == (collections.deque([1]), 3, b"ab")
    assert (dict(module.counts), module.counts.default_factory) == ({"a": [1]}, list)
    assert module.c.x is module.rows
    assert not hasattr(module.c, "y")
    assert module.D.x == 1
    assert not hasattr(module.D, "y")
    assert module.cached.cache_info().currsize == 0
    assert not hasattr(module, "new")


def test_locks_and_code_of_the_program_are_its_own_afterwards(load: Load) -> None:
    module = load("""
        lock, done = threading.Lock(), threading.Event()
        class C:
            lock = threading.RLock()
            def __init__(self):
                self.condition = threading.Condition()
        c = C()
        def work():
            global n
            with lock, C.lock, c.condition:
                n = 1
            done.set()
        def scenario():
            assert not done.is_set()
            thread = threading.Thread(target=work)
            thread.start()
            done.wait()
            thread.join()
            lock.acquire()
    """)
    kept = (module.lock, module.C.lock, module.c.condition._lock, module.work.__code__)
    result = interleave.explore(module.scenario, isolate="globals")
    assert result.verdict == "proven"
    assert kept == (module.lock, module.C.lock, module.c.condition._lock, module.work.__code__)
    assert not module.lock.locked()
    assert not module.done.is_set()


def test_modules_imported_meanwhile_stay_imported(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keeper_package").mkdir()
    (tmp_path / "keeper_package" / "__init__.py").write_text("")
    (tmp_path / "keeper_package" / "part.py").write_text("seen = []\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = load("""
        def scenario():
            import keeper_package.part
            keeper_package.part.seen.append(1)
            locks(len(keeper_package.part.seen) // 2)
    """)
    try:
        assert not interleave.explore(module.scenario, isolate="globals").failures
    finally:
        for name in ("keeper_package", "keeper_package.part"):
            sys.modules.pop(name, None)


def test_unknown_isolation_is_refused() -> None:
    with pytest.raises(interleave.UsageError, match="isolate='process' is not one of"):
        interleave.explore(lambda: None, isolate="process")


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")

#: Fails in some schedules, has races, and keeps nothing.
UNLOCKED = """
    class Account:
        def __init__(self):
            self.balance, self.lock = 0, threading.Lock()
        def add(self):
            with self.lock:
                now = self.balance
            self.balance = now + 1
    def scenario():
        account = Account()
        threads = [threading.Thread(target=account.add) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert account.balance == 2
    def scenario_locks():
        locks(2)
"""


@needs_fork
def test_children_prove_what_is_proven_here(load: Load) -> None:
    scenario = load(UNLOCKED).scenario_locks
    # Under a bound, `auto` has a `dfs` in it.
    for strategy, preemptions in (("auto", None), ("dfs", None), ("auto", 1)):
        there, here = (
            interleave.explore(scenario, strategy=strategy, preemptions=preemptions, isolate=isolate) for isolate in ("fork", "off")
        )
        assert (there.verdict, there.executions, there.statistics.steps) == ("proven", here.executions, here.statistics.steps)


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["auto", "dfs", "dpor", "surw", "pos", "pct", "random"])
def test_children_find_what_would_be_found_here(load: Load, strategy: str) -> None:
    module = load(UNLOCKED)
    for scenario in (module.scenario, module.scenario_locks):
        found = []
        for isolate in ("off", "fork"):
            budget = interleave.Budget(executions=30)
            found.append(interleave.explore(scenario, strategy=strategy, isolate=isolate, budget=budget, stop_on_failure=False))
        here, there = found
        assert (there.verdict, there.executions, there.statistics.steps) == (here.verdict, here.executions, here.statistics.steps)
        assert [(one.seed, one.message, one.count) for one in there.failures] == [
            (one.seed, one.message, one.count) for one in here.failures
        ]
        assert [(race.key, race.seed, race.severity) for race in there.races] == [
            (race.key, race.seed, race.severity) for race in here.races
        ]
        assert (there.statistics.shrinking, there.statistics.tries) == (here.statistics.shrinking, here.statistics.tries)


@needs_fork
@pytest.mark.parametrize("code", [code for name, (code, _) in KEEPERS.items() if name in ("number", "queue", "random")])
def test_children_leave_nothing(load: Load, code: str) -> None:
    scenario = load(code).scenario
    before = Snapshot(Scope(), scenario)
    assert not interleave.explore(scenario, isolate="fork", budget=interleave.Budget(executions=10)).failures
    assert changes(before) == []


@needs_fork
def test_strategies_that_ask_whoever_made_them_do_so_here(load: Load) -> None:
    """They were to be carried back with what they ask, which failed wherever failures are simplified by samples."""
    asked: list[int] = []
    strategy = Few(lambda: asked.append(1) or len(asked))  # type: ignore[func-returns-value]
    result = interleave.explore(load(UNLOCKED).scenario_locks, strategy=strategy, isolate="fork", budget=interleave.Budget(executions=5))
    assert (result.verdict, result.executions, len(asked)) == ("passed", 5, 5)


@needs_fork
def test_seeds_of_children_replay_anywhere(load: Load) -> None:
    scenario = load(UNLOCKED).scenario
    failure = interleave.explore(scenario, isolate="fork", gil_label=False).failure
    assert failure is not None
    for isolate in ("fork", "off"):
        again = interleave.replay(scenario, failure.seed, isolate=isolate).failure
        assert again is not None
        assert again.report() == dataclasses.replace(failure, executions=1, count=1).report()


@needs_fork
@pytest.mark.parametrize(
    ("end", "how"),
    [("os._exit(3)", "its process exited with status 3"), ("os.kill(os.getpid(), signal.SIGKILL)", "its process was killed by SIGKILL")],
)
def test_death_of_a_child_is_told(load: Load, end: str, how: str) -> None:
    scenario = load(f"import os, signal\ndef scenario():\n    locks(1)\n    {end}\n").scenario
    result = interleave.explore(scenario, isolate="fork")
    assert (result.verdict, result.stopped_by) == ("inconclusive", "died")
    assert result.uncontrolled == (f"an execution did not live to its end: {how}",)


@needs_fork
def test_child_whose_own_children_go_on_is_not_waited_for(load: Load) -> None:
    code = """
        import os
        def scenario():
            reader, writer = os.pipe()
            if not os.fork():
                os.close(writer)
                # Returns when the parent is gone.
                os.read(reader, 1)
                os._exit(0)
            os._exit(5)
    """
    result = interleave.explore(load(code).scenario, isolate="fork")
    assert result.stopped_by == "died"


@needs_fork
def test_hang_of_a_child_is_told(load: Load) -> None:
    scenario = load("import os\ndef scenario():\n    os.read(os.pipe()[0], 1)\n").scenario
    result = interleave.explore(scenario, isolate="fork", budget=interleave.Budget(hang=0.2))
    assert (result.verdict, result.stopped_by) == ("inconclusive", "hang")
    assert "no step for 0.2 s of wall time" in result.uncontrolled[0]


@needs_fork
def test_keys_that_cannot_be_compared_are_refused(load: Load) -> None:
    code = """
        class Key:
            pass
        key, table = Key(), {}
        def work():
            table[key] = 1
        def scenario():
            threads = [threading.Thread(target=work) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    """
    with pytest.raises(interleave.UsageError, match="cannot compare objects of type 'Key'"):
        interleave.explore(load(code).scenario, isolate="fork")


@needs_fork
def test_modules_and_locks_that_the_scenario_brings_along(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
        import threading
        lock, seen = threading.Lock(), []
        def add():
            with lock:
                seen.append(len(seen))
    """
    (tmp_path / "keeper_part.py").write_text(textwrap.dedent(code), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    module = load("""
        first, second = threading.Lock(), threading.Lock()
        def work(one, other):
            import keeper_part
            with one:
                keeper_part.add()
            with other:
                pass
        def scenario():
            threads = [threading.Thread(target=work, args=pair) for pair in ((first, second), (second, first))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            import keeper_part
            assert keeper_part.seen == [0, 1]
    """)
    try:
        result = interleave.explore(module.scenario, isolate="fork", strategy="dpor")
        assert result.verdict == "proven"
        assert sys.modules["keeper_part"].seen == []
        assert result.executions == interleave.explore(module.scenario, isolate="globals", strategy="dpor").executions
    finally:
        sys.modules.pop("keeper_part", None)


@needs_fork
def test_exceptions_and_output_come_back(load: Load, capfd: pytest.CaptureFixture[str]) -> None:
    code = """
        class Odd(Exception):
            def __init__(self, *, code):
                super().__init__("odd")
        def scenario():
            print("from a child")
            raise Odd(code=1)
        def scenario_known():
            raise KeyError("k")
    """
    module = load(code)
    failure = interleave.explore(module.scenario, isolate="fork").failure
    assert failure is not None
    assert failure.message == "Odd: odd"
    assert failure.outcome.error is None
    assert "in scenario" in failure.outcome.traceback
    assert "from a child" in capfd.readouterr().out
    known = interleave.explore(module.scenario_known, isolate="fork").failure
    assert known is not None
    assert isinstance(known.outcome.error, KeyError)
