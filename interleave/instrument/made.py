"""What is made while a program runs, and has to be as what was there before.

Methods that `dataclass` writes for a class which a scenario defines have code of their own, compiled in every execution. They get the
instrumented copy of the first code that was the same, by value, so that nothing is rewritten twice.

Classes whose metaclass compares them and has no `__hash__` cannot be looked up in the caches of hooks. Their metaclass gets the hash of
`type` for as long as programs are explored; no comparison is ever asked for, as two classes have the same hash hardly ever.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import CodeType, FunctionType
from typing import Any

from interleave.instrument.kinds import namespace_of

#: Code that was seen, by its value.
_first: dict[CodeType, CodeType] = {}


def first_like(code: CodeType) -> CodeType:
    """Return the first code object of the same value."""
    return _first.setdefault(code, code)


@contextmanager
def noticed(adopt: Callable[[FunctionType], None]) -> Iterator[None]:
    """Have methods of dataclasses adopted, and all classes hashable, in the body of a `with`."""
    process: Callable[..., type] = vars(dataclasses)["_process_class"]

    def process_class(cls: type, *arguments: Any, **options: Any) -> type:
        made = process(cls, *arguments, **options)
        for value in list(namespace_of(made).values()):
            # `__repr__` is wrapped.
            for function in (value, getattr(value, "__wrapped__", None)) if type(value) is FunctionType else ():
                if type(function) is FunctionType:
                    adopt(function)
        return made

    with ExitStack() as stack:
        for metaclass in _metaclasses(type):
            if namespace_of(metaclass).get("__hash__", type) is None:
                # One of C cannot be changed.
                with suppress(TypeError):
                    type.__setattr__(metaclass, "__hash__", type.__hash__)
                    stack.callback(type.__setattr__, metaclass, "__hash__", None)
        stack.callback(setattr, dataclasses, "_process_class", process)
        dataclasses._process_class = process_class  # type: ignore[attr-defined]
        yield


def _metaclasses(metaclass: type) -> Iterator[type]:
    yield metaclass
    below: list[type] = type.__subclasses__(metaclass)
    for one in below:
        yield from _metaclasses(one)
