"""A singleton in a weak dictionary, made twice, was called nondeterminism: the traceback of the failure kept it alive for the next run."""

from __future__ import annotations

import weakref
from typing import ClassVar

from interleave import explore
from tests.threads import together


class _Lock:
    pass


class _Registry:
    made: ClassVar[weakref.WeakValueDictionary[str, _Lock]] = weakref.WeakValueDictionary()

    @classmethod
    def get(cls, name: str) -> _Lock:
        found = cls.made.get(name)
        if found is None:
            found = cls.made[name] = _Lock()
        return found


def scenario() -> None:
    got: list[_Lock] = []
    together(lambda: got.append(_Registry.get("a")), lambda: got.append(_Registry.get("a")))
    assert got[0] is got[1]


def test_found_as_what_it_is() -> None:
    result = explore(scenario)
    assert [failure.kind for failure in result.failures] == ["assertion"]
