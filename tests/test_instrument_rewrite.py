"""Rewritten code does what the original does, and looks like it."""

from __future__ import annotations

import argparse
import ast
import asyncio
import collections
import configparser
import contextlib
import dataclasses
import difflib
import dis
import inspect
import json.decoder
import json.encoder
import json.scanner
import shlex
import string
import sys
import textwrap
import traceback
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import networkx as nx
import pytest

from interleave.instrument.analysis import constant_cells, stores
from interleave.instrument.rewrite import rewrite
from tests.instrument_probe import Probe, probing

MODULES = [argparse, ast, collections, configparser, difflib, inspect, json.decoder, json.encoder, json.scanner, shlex, string, textwrap]


def functions_of(module: types.ModuleType) -> list[types.FunctionType]:
    """Return the functions and methods that a module defines."""
    found = []
    for value in vars(module).values():
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
            found.append(value)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for member in vars(value).values():
                member = getattr(member, "__func__", getattr(member, "fget", member))
                if isinstance(member, types.FunctionType) and member.__module__ == module.__name__:
                    found.append(member)
    return found


@contextlib.contextmanager
def exchanged(functions: list[types.FunctionType]) -> Iterator[None]:
    before = [(function, function.__code__) for function in functions]
    try:
        for function in functions:
            function.__code__ = rewrite(function.__code__, function.__globals__).code
        yield
    finally:
        for function, code in before:
            function.__code__ = code


def instrument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Exchange the code of a function for good."""
    assert isinstance(function, types.FunctionType)
    function.__code__ = rewrite(function.__code__, function.__globals__).code
    return function


# --- real programs ----------------------------------------------------------------------------------------------------


def use_argparse() -> object:
    parser = argparse.ArgumentParser(prog="p", description="text " * 30)
    parser.add_argument("-n", type=int, default=3, help="a number")
    parser.add_argument("names", nargs="*")
    sub = parser.add_mutually_exclusive_group()
    sub.add_argument("--yes", action="store_true")
    sub.add_argument("--no", action="store_true")
    return parser.format_help(), sorted(vars(parser.parse_args(["-n", "4", "a", "b", "--no"])).items())


def use_text() -> object:
    left, right = ["a", "b", "c"], ["a", "x", "c"]
    return (
        list(difflib.unified_diff(left, right, lineterm="")),
        difflib.get_close_matches("appel", ["ape", "apple"]),
        textwrap.fill("the quick brown fox " * 9, 40),
        textwrap.dedent("  a\n   b\n"),
        shlex.split("a 'b c' d # e", comments=True),
        string.Template("$a ${b}").substitute(a=1, b=2),
        string.Formatter().format("{0:>{w}} {x[0]}", 1, w=5, x=[2]),
    )


def use_json() -> object:
    value = {"a": [1, 2.5, None, True, {"b": "\u00e9\n"}], "c": {}}
    pure = json.encoder.c_make_encoder, json.scanner.c_make_scanner  # type: ignore[attr-defined]
    json.encoder.c_make_encoder = None  # type: ignore[attr-defined]
    try:
        text = json.dumps(value, indent=1, sort_keys=True)
    finally:
        json.encoder.c_make_encoder = pure[0]  # type: ignore[attr-defined]
    decoder = json.decoder.JSONDecoder()
    decoder.scan_once = json.scanner.py_make_scanner(decoder)  # type: ignore[attr-defined]
    assert decoder.decode(text) == value
    return text


def use_ast() -> object:
    return ast.unparse(ast.parse(inspect.getsource(textwrap))), str(inspect.signature(difflib.unified_diff))


def use_configparser() -> object:
    config = configparser.ConfigParser()
    config.read_string("[one]\na = 1\nb = %(a)s2\n[two]\nc: x\n y\n")
    return {name: dict(config[name]) for name in config.sections()}, collections.Counter("abca").most_common()


PROGRAMS = [use_argparse, use_text, use_json, use_ast, use_configparser]


# What is rewritten stays in memory, and is gone through by every exploration after it.
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["closed", "open", "detailed"])
def test_the_standard_library_works_rewritten(mode: str) -> None:
    expected = [program() for program in PROGRAMS]
    functions = [function for module in MODULES for function in functions_of(module)]
    assert len(functions) > 700
    with exchanged(functions):
        if mode == "closed":
            assert [program() for program in PROGRAMS] == expected
        else:
            with probing(is_detailed=mode == "detailed") as probe:
                actual = [program() for program in PROGRAMS]
            assert actual == expected
            assert len(probe.steps) > 10_000
    assert [program() for program in PROGRAMS] == expected


@pytest.mark.slow
def test_graph_algorithms_work_rewritten() -> None:
    def run() -> object:
        graph = nx.karate_club_graph()
        directed = nx.gnp_random_graph(20, 0.2, seed=1, directed=True)
        return (
            nx.shortest_path(graph, 0, 33),
            list(nx.connected_components(graph)),
            nx.betweenness_centrality(graph),
            sorted(map(sorted, nx.strongly_connected_components(directed))),
            sorted(nx.max_weight_matching(graph)),
            sorted(nx.minimum_spanning_edges(graph, data=False)),
            list(nx.topological_sort(nx.DiGraph([(1, 2), (2, 3)]))),
        )

    expected = run()
    functions = [
        function
        for name, module in sorted(sys.modules.items())
        if name.startswith(
            (
                "networkx.algorithms.centrality.b",
                "networkx.algorithms.comp",
                "networkx.algorithms.match",
                "networkx.classes",
                "networkx.algorithms.tree.mst",
                "networkx.algorithms.dag",
                "networkx.algorithms.shortest_paths.unw",
            )
        )
        and module is not None
        for function in functions_of(module)
    ]
    assert len(functions) > 300
    with exchanged(functions):
        assert run() == expected
        with probing() as probe:
            assert run() == expected
    assert len(probe.steps) > 1_000


# --- single constructs ------------------------------------------------------------------------------------------------


def every_statement(xs: list[int], *args: Any, key: Any = None, **rest: Any) -> object:
    """Keep this text."""
    log: list[Any] = []
    try:
        with contextlib.suppress(KeyError) as nothing:
            log.append(nothing)
            raise KeyError(xs[0])
        for index, x in enumerate(xs):
            if x == 2:
                continue
            if x > 3:
                break
            log.append((index, x))
        else:
            log.append("else")
        while xs and len(log) < 20:
            log.append(xs.pop())
        log[1:2] = [7, 8]
        del log[0], log[-1:]
        first, *middle, last = log
        log += [first, *middle], {**rest, "k": last}  # type: ignore[arg-type]
        log.append([y for x in log if x for y in (lambda: x, x)[1:]])  # noqa: B023
        log.append(f"{first!r:>4}{last:{2}}{log[0]=}")
        log.append((args and key) or not rest)
        assert key is None, log
    except ZeroDivisionError as error:
        log.append(error)
    finally:
        log.append("finally")
    try:
        try:
            log[99]
        finally:
            log.append("inner")
    except (IndexError, TypeError) as error:
        log.append(str(error))
    try:
        raise ExceptionGroup("g", [ValueError(1), TypeError(2)])
    except* ValueError as group:
        log.append(len(group.exceptions))
    except* TypeError:
        log.append("t")
    return log


def patterns(value: Any) -> object:
    match value:
        case {"a": [1, *rest], **others}:
            return rest, others
        case Pair(left=1, right=r):
            return r
        case [a, b] | (a, b, _):
            return a, b
        case str() | int():
            return "scalar"
    return None


@dataclasses.dataclass
class Pair:
    left: int
    right: int


def delegating() -> Iterator[Any]:
    try:
        received = yield 1
        result = yield from inner_generator(received)
        yield result
    finally:
        yield "end"


def inner_generator(start: Any) -> Iterator[Any]:
    try:
        got = yield start
    except ValueError as error:
        got = str(error)
    return got


def drive(throw: bool) -> list[Any]:
    generator: Any = delegating()
    result = [next(generator), generator.send(5)]
    result.append(generator.throw(ValueError("x")) if throw else generator.send(6))
    result += generator
    return result


async def asynchronous() -> list[Any]:
    log: list[Any] = []

    async def numbers() -> AsyncIterator[int]:
        for n in range(3):
            await asyncio.sleep(0)
            yield n

    @contextlib.asynccontextmanager
    async def context() -> AsyncIterator[str]:
        try:
            yield "in"
        finally:
            log.append("out")

    async with context() as value:
        log.append(value)
        log += [n async for n in numbers() if n]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0, n)) for n in range(3)]
    log += [task.result() for task in tasks]
    try:
        async with asyncio.timeout(0):
            await asyncio.sleep(1)
    except TimeoutError:
        log.append("timeout")
    return log


class Base:
    kind = "base"

    def __init__(self, n: int) -> None:
        self.n = n

    def who(self) -> str:
        return f"{self.kind} {self.n}"


class Child(Base):
    kind = "child"

    def who(self) -> str:
        return f"{super().who()} of {super().kind} {__class__.__name__}"  # type: ignore[name-defined]

    @classmethod
    def make(cls, *args: int) -> Child:
        return cls(*args)

    @staticmethod
    def twice(n: int = 2, /, *, m: int = 3) -> int:
        return n * m


def classes() -> object:
    local = 3

    class Local(Child):
        number = local
        sums = [x + 1 for x in (local, number)]  # noqa: RUF012

        def who(self) -> str:
            return super().who() + str(local)

    child = Local.make(1)
    return child.who(), Local.twice(4, m=5), Local.sums, Local.__qualname__


def many_arguments() -> object:
    def collect(*args: int, **kwargs: int) -> tuple[tuple[int, ...], dict[str, int]]:
        return args, kwargs

    more, options = [9, 10], {"z": 1}
    return (
        collect(1, 2, 3, 4, 5, 6, 7, 8, a=1, b=2),
        collect(*more, **options),
        collect(0, *more, c=3, **options),
        collect(*iter(more)),
        max(1, 2, *more, key=lambda n: -n),
        f"{1} {2}",
        sorted(more, reverse=True),
    )


CONSTRUCTS: list[Callable[[], object]] = [
    lambda: every_statement([1, 2, 3, 4, 5], 1, b=2), lambda: every_statement([2], key=None), lambda: patterns({"a": [1, 2], "b": 3}),
    lambda: patterns(Pair(1, 5)), lambda: patterns([1, 2]), lambda: patterns((1, 2, 3)), lambda: patterns("x"), lambda: patterns(None),
    lambda: drive(True), lambda: drive(False), lambda: asyncio.run(asynchronous()), classes, many_arguments,
]  # fmt: skip
SUBJECTS = [
    every_statement, patterns, delegating, inner_generator, drive, asynchronous, classes, many_arguments, Base.__init__, Base.who,
    Child.who, Child.make.__func__, Child.twice,
]  # fmt: skip


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_every_construct_keeps_its_meaning(construct: Callable[[], object]) -> None:
    expected = construct()
    with exchanged(SUBJECTS):  # type: ignore[arg-type]
        assert construct() == expected
        with probing():
            assert construct() == expected
        with probing(is_detailed=True):
            assert construct() == expected


def all_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from all_codes(const)


def test_the_outside_of_code_objects_is_unchanged() -> None:
    names = [
        "co_name", "co_qualname", "co_filename", "co_firstlineno", "co_flags", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount",
        "co_varnames", "co_cellvars", "co_freevars", "co_nlocals",
    ]  # fmt: skip
    for function in functions_of(argparse) + functions_of(difflib) + list(SUBJECTS):  # type: ignore[arg-type]
        before = list(all_codes(function.__code__))
        after = list(all_codes(rewrite(function.__code__, function.__globals__).code))
        assert len(before) == len(after)
        for old, new in zip(before, after, strict=True):
            assert [getattr(old, name) for name in names] == [getattr(new, name) for name in names]
            assert types.FunctionType(
                old, {}, closure=None if not old.co_freevars else tuple(map(types.CellType, old.co_freevars))
            ).__doc__ == (
                types.FunctionType(new, {}, closure=None if not new.co_freevars else tuple(map(types.CellType, new.co_freevars))).__doc__
            )


def test_the_same_lines_run() -> None:
    def lines(function: Callable[..., Any], *args: Any) -> list[tuple[str, int]]:
        seen: list[tuple[str, int]] = []

        def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
            if event == "line" and frame.f_code.co_filename == __file__:
                seen.append((frame.f_code.co_name, frame.f_lineno))
            return trace if frame.f_code.co_filename == __file__ else None

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            function(*args)
        finally:
            sys.settrace(before)
        return seen

    expected = lines(every_statement, [1, 2, 5]), lines(drive, True)
    with exchanged(SUBJECTS):  # type: ignore[arg-type]
        assert (lines(every_statement, [1, 2, 5]), lines(drive, True)) == expected


def test_tracebacks_point_at_the_same_columns() -> None:
    def fail(table: dict[str, Any]) -> Any:
        return table["a"]["b"].missing + 1

    def text() -> str:
        try:
            fail({"a": {"b": 1}})
        except AttributeError:
            return traceback.format_exc()
        raise AssertionError

    before = text()
    instrument(fail)
    assert text() == before


def test_what_a_hook_raises_goes_where_the_access_would_have_raised() -> None:
    log = []

    def run(box: Any) -> None:
        try:
            box.n = 1
        except KeyboardInterrupt:
            log.append("caught")
        finally:
            log.append("finally")

    def interrupt(probe: Probe) -> Callable[[], None]:
        def act() -> None:
            raise KeyboardInterrupt

        return act

    instrument(run)
    box = types.SimpleNamespace()
    with probing() as probe:
        probe.meanwhile = interrupt(probe)
        run(box)
    assert log == ["caught", "finally"]
    assert not hasattr(box, "n")


def test_results_are_remembered() -> None:
    def run(box: Any) -> Any:
        return box.n

    namespace: dict[str, Any] = {}
    assert rewrite(run.__code__, namespace) is rewrite(run.__code__, namespace)
    assert rewrite(run.__code__, namespace) is not rewrite(run.__code__, {})


def test_code_without_accesses_gets_no_hooks() -> None:
    def run(a: int | None) -> int | None:
        b = a
        while b is not None:
            b = None
        return b

    assert rewrite(run.__code__, {}).sites == ()
    assert [i.opname for i in dis.get_instructions(rewrite(run.__code__, {}).code)] == [i.opname for i in dis.get_instructions(run)]


# --- analyses ---------------------------------------------------------------------------------------------------------


def test_stores() -> None:
    def run(box: Any, cls: Any) -> None:
        global NOT_THERE
        NOT_THERE = 1  # type: ignore[name-defined]
        Base.total += 1  # type: ignore[attr-defined]
        type(box).made = cls.made
        cls.last = box

        def inner() -> None:
            box.attribute = Base.kind
            del box.deleted
            box.read.item[0] = 1

    variables, attributes, class_attributes = stores(run.__code__).given(globals())
    assert variables == {"NOT_THERE"}
    assert attributes == {"total", "made", "last", "attribute", "deleted"}
    # `box` comes from a closure: it might be anything.
    assert class_attributes == {"total", "made", "last", "attribute", "deleted"}


def test_attributes_of_instances_are_no_attributes_of_classes() -> None:
    def run(box: Any) -> None:
        box.n += 1
        box.other = Base

    assert stores(run.__code__).given(globals()).class_attributes == set()


def test_constant_cells() -> None:
    def run(parameter: int, stored_parameter: int) -> object:
        once = 1
        twice = 1
        late = lambda: afterwards  # noqa: E731
        afterwards = 2

        def own() -> object:
            return own, once, twice, in_loop, parameter, stored_parameter, late, conditional

        twice = 2
        for in_loop in range(3):  # noqa: B007
            pass

        def writer() -> None:
            nonlocal stored_parameter
            stored_parameter = 1

        if parameter:
            conditional = 1
        return [lambda: element for element in ()]  # type: ignore[var-annotated]  # noqa: B023

    assert constant_cells(run.__code__) == {"parameter", "once", "late"}


def test_constant_cells_of_a_scenario() -> None:
    def scenario() -> None:
        cache: dict[str, int] = {}
        done = False

        def put() -> None:
            cache["a"] = 1

        def finish() -> None:
            nonlocal done
            done = True

        put()
        finish()
        assert done

    assert constant_cells(scenario.__code__) == {"cache"}
