"""Installing finds every function in scope, and uninstalling leaves no trace."""

from __future__ import annotations

import dataclasses
import functools
import gc
import json
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interleave import instrument
from interleave.instrument import Instrumentation, Scope
from interleave.instrument.registry import registry
from tests.instrument_probe import Only, instrumented, probing


def is_instrumented(function: Any) -> bool:
    return id(function.__code__) in registry.instrumented


def all_codes() -> list[tuple[types.FunctionType, types.CodeType]]:
    return [(obj, obj.__code__) for obj in gc.get_objects() if type(obj) is types.FunctionType]


def plain(box: Any) -> None:
    box.n = 1


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


class Holder:
    """Functions in unusual hands."""

    @property
    def prop(self) -> int:
        return self.prop_value

    prop_value = 1

    @staticmethod
    @decorated
    def static() -> int:
        return 1

    @classmethod
    def make(cls) -> Holder:
        return cls()

    partial = functools.partial(lambda self: self)
    table = {"a": lambda x: x.n}  # noqa: RUF012


@dataclasses.dataclass
class Record:
    n: int = 0


@pytest.fixture
def installed() -> Iterator[Instrumentation]:
    with instrumented(__name__) as instrumentation:
        yield instrumentation


def test_functions_are_found_wherever_they_are(installed: Instrumentation) -> None:
    local: list[Any] = [lambda: 1]
    assert is_instrumented(local[0])  # made by instrumented code
    found = [
        plain, decorated, Holder.prop.fget, Holder.static, Holder.static.__wrapped__, Holder.make.__func__, Holder.partial.func,  # type: ignore[attr-defined]
        Holder.table["a"], Record.__init__, Record.__eq__,
    ]  # fmt: skip
    assert all(is_instrumented(function) for function in found)
    assert not is_instrumented(json.dumps)
    assert installed.skipped == []


def test_every_code_comes_back() -> None:
    before = all_codes()
    for _ in range(3):
        instrumentation = Instrumentation(Only(__name__))
        instrumentation.install()
        assert is_instrumented(plain)
        instrumentation.uninstall()
        instrumentation.uninstall()
    assert all(function.__code__ is code for function, code in before)


def test_functions_made_while_installed_get_their_code_back() -> None:
    def make() -> Callable[[], int]:
        return lambda: 5

    original = make().__code__
    with instrumented(__name__):
        survivor = make()
        assert is_instrumented(survivor)
    assert survivor.__code__ is original


def test_closures_that_exist_already_are_rewritten_with_what_their_maker_shows() -> None:
    def make() -> Callable[[], int]:
        base = 5
        return lambda: base

    closure = make()
    with instrumented(__name__), probing() as probe:
        assert closure() == 5
    assert probe.steps == []


def test_failure_while_installing_undoes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    before = all_codes()
    calls = []

    def fail(code: types.CodeType) -> Any:
        calls.append(code)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return make(code)

    make = instrument._placeholder
    monkeypatch.setattr(instrument, "_placeholder", fail)
    with pytest.raises(KeyboardInterrupt):
        Instrumentation(Only(__name__)).install()
    assert len(calls) == 5
    assert all(function.__code__ is code for function, code in before)


def test_functions_that_cannot_be_rewritten_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(code: types.CodeType, namespace: dict[str, Any]) -> Any:
        if code.co_name == "plain":
            raise ValueError("no")
        return rewrite(code, namespace)

    rewrite = instrument.rewrite
    monkeypatch.setattr(instrument, "rewrite", fail)
    with instrumented(__name__) as instrumentation:
        plain(Holder())
        decorated(plain)(Holder())
        assert instrumentation.skipped == [(f"{__name__}.plain", "ValueError: no")]
        assert not is_instrumented(plain)
        assert is_instrumented(decorated)
        registry.version += 1
        instrumentation.update()
        assert len(instrumentation.skipped) == 1


def test_running_generators_are_left_alone() -> None:
    def numbers(box: Any) -> Iterator[int]:
        box.n = 1
        yield 1
        box.n = 2
        yield 2

    box = types.SimpleNamespace()
    generator = numbers(box)
    next(generator)
    with instrumented(__name__), probing() as probe:
        box_free = iter([generator])
        for running in box_free:
            next(running)
    assert probe.of(box) == []
    assert box.n == 2


def new_module(name: str, text: str) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, f"/nowhere/{name}.py", "exec"), vars(module))
    return module


@pytest.fixture
def module_name() -> Iterator[str]:
    name = "instrumented_later"
    yield name
    sys.modules.pop(name, None)


def test_modules_imported_later_come_into_scope(module_name: str) -> None:
    with instrumented(module_name) as instrumentation:
        assert not instrumentation.update()
        module = new_module(module_name, "def f(box): box.n = 1")
        assert instrumentation.update()
        assert not instrumentation.update()
        assert is_instrumented(module.f)
    assert not is_instrumented(module.f)


def test_a_global_stored_by_a_later_module_gets_hooks(module_name: str) -> None:
    module = new_module(module_name, "LATER = 1\ndef read(): return LATER\n")
    with instrumented(module_name) as instrumentation:
        with probing() as probe:
            module.read()
        assert probe.steps == []
        exec("def write():\n global LATER\n LATER = 2", vars(module))
        sys.modules[module_name + ".other"] = module
        assert instrumentation.update()
        del sys.modules[module_name + ".other"]
        with probing() as probe:
            module.read()
        assert probe.of(vars(module)) == [("LATER", "r")]


def test_a_name_stored_dynamically_makes_the_instrumentation_grow(module_name: str) -> None:
    text = "CONFIG = 1\ndef read(): return CONFIG\ndef write(name): globals()[name] = 2\n"
    module = new_module(module_name, text)
    with instrumented(module_name) as instrumentation:
        with probing() as probe:
            module.write("CONFIG")
        assert probe.of(vars(module)) == [("CONFIG", "w")]
        gc.freeze()
        try:
            assert instrumentation.update()
        finally:
            gc.unfreeze()
        with probing() as probe:
            module.read()
        assert probe.of(vars(module)) == [("CONFIG", "r")]


def test_points_are_forgotten_when_installed_again() -> None:
    with instrumented(__name__), probing() as probe:
        plain(types.SimpleNamespace())
    probe.sites[0].is_point = True
    with instrumented(__name__):
        assert not probe.sites[0].is_point


def test_classes_made_in_every_execution_are_forgotten(installed: Instrumentation) -> None:
    import weakref

    def execution() -> weakref.ref[Any]:
        class Local:
            pass

        with probing():
            local = Local()
            plain(local)
        return weakref.ref(Local)

    ref = execution()
    installed.forget()
    gc.collect()
    assert ref() is None


# --- scope ------------------------------------------------------------------------------------------------------------


def test_default_scope_is_what_the_user_wrote(tmp_path: Path) -> None:
    scope = Scope()
    file = str(tmp_path / "service.py")
    assert scope.covers("service", file)
    assert scope.covers("__main__", file)
    assert scope.covers("nowhere", "<stdin>")
    assert scope.covers(__name__, "<string>")
    assert not scope.covers("json", json.__file__)
    assert not scope.covers("json", "<string>")
    assert not scope.covers("pytest", pytest.__file__)
    assert not scope.covers("pytest", "<attrs generated init pytest.X>")
    assert not scope.covers("importlib._bootstrap", "<frozen importlib._bootstrap>")
    assert not scope.covers("interleave.model", None)
    assert not scope.covers("service", instrument.__file__)


def test_include_widens_the_scope() -> None:
    scope = Scope(("json", "_py*", "interleave"))
    assert scope.covers("json", json.__file__)
    assert scope.covers("json.decoder", json.decoder.__file__)
    assert scope.covers("_pytest.python", pytest.__file__)
    assert not scope.covers("jsonschema", "/x/site-packages/jsonschema/__init__.py")
    assert not scope.covers("interleave.model", None)


def test_generated_functions_belong_to_the_module_of_their_globals() -> None:
    scope = Scope()
    init: Any = Record.__init__
    assert init.__code__.co_filename == "<string>"
    assert scope.covers_function(init)
    namespace: dict[str, Any] = {"__name__": "json"}
    exec("def f(): pass", namespace)
    assert not scope.covers_function(namespace["f"])
