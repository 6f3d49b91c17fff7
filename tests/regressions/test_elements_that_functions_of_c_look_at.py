"""What functions of C read behind their arguments, in elements and keyword arguments, was ordered with nothing: one order was a proof."""

from __future__ import annotations

import copy
import csv
import io
import itertools
import json
import operator
import pickle
import struct
import sys
import zlib
from collections import deque, namedtuple
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

import pytest

from interleave import explore
from tests.threads import together


def values_of(make: Callable[[], Any], look: Callable[[Any], object], change: Callable[[Any], object]) -> set[str]:
    """Return what a thread sees in all orders while another one changes the same."""
    seen = set()

    def scenario() -> None:
        shared, found = make(), []
        together(lambda: found.append(look(shared)), lambda: change(shared))
        seen.add(repr(found[0]))

    result = explore(scenario, strategy="dpor")
    assert result.verdict == "proven", (result.failures, result.uncontrolled)
    return seen


def _lists() -> list[list[int]]:
    return [[], [5]]


def _add(lists: list[list[int]]) -> None:
    lists[0].extend([6, 7])


def _counts() -> dict[str, int]:
    return {"a": 1, "b": 2}


def _count(counts: dict[str, int]) -> None:
    counts["a"] = 3


def _boxes() -> list[SimpleNamespace]:
    return [SimpleNamespace(n=1, inner=SimpleNamespace(m=1)), SimpleNamespace(n=2)]


def _open(boxes: list[SimpleNamespace]) -> None:
    boxes[0].n = 3


def _open_inner(boxes: list[SimpleNamespace]) -> None:
    boxes[0].inner.m = 3


class Plain:
    def __init__(self) -> None:
        self.n = 0


def _set(plain: Plain) -> None:
    plain.n = 1


_Row = namedtuple("_Row", "lists")


def _bytes() -> bytearray:
    return bytearray(b"ab")


def _overwrite(buffer: bytearray) -> None:
    buffer[0] = 99


def _numbers() -> Iterator[int]:
    return iter([1, 2, 3])


class Shelf:
    def __init__(self) -> None:
        self.books = [1]

    def __iter__(self) -> Iterator[int]:
        return iter(self.books)


def _empty(shelf: Shelf) -> None:
    shelf.books.clear()


@pytest.mark.parametrize(
    ("make", "look", "change"),
    [
        (_counts, lambda counts: max(counts, key=counts.get), _count),
        (_counts, lambda counts: sorted(counts, key=counts.__getitem__), _count),
        (_counts, lambda counts: partial(sorted, key=counts.get)("ab"), _count),
        (_counts, lambda counts: "{c}".format(c=counts), _count),  # noqa: UP032
        (_lists, lambda lists: sum(map(len, lists)), _add),
        (_lists, lambda lists: [size + 1 for size in map(len, (lists[1], lists[0]))][1], _add),
        (_lists, lambda lists: any(lists[:1]), _add),
        (_lists, lambda lists: len(list(filter(None, lists))), _add),
        (_lists, lambda lists: sum(lists, []), _add),  # noqa: RUF017
        (_lists, lambda lists: max(lists) is lists[0], _add),
        (_lists, lambda lists: sorted(lists, key=len)[0] is lists[0], _add),
        (_lists, lambda lists: [*itertools.chain.from_iterable(lists)], _add),
        (_lists, lambda lists: [6, 7] in lists, _add),
        (_lists, lambda lists: lists.count([6, 7]), _add),
        (_lists, lambda lists: str(deque(lists)), _add),
        (_lists, lambda lists: str(_Row(lists)), _add),
        (_lists, lambda lists: "%s %s" % (lists, 1), _add),  # noqa: UP031
        (_lists, lambda lists: [6, 7] in (lists[0],), _add),
        (_lists, lambda lists: (lists[0], 1).count([6, 7]), _add),
        (_lists, lambda lists: lists.__repr__(), _add),
        (_lists, lambda lists: (lists[0],).__repr__(), _add),
        (_lists, lambda lists: lists.__eq__([[], [5]]), _add),
        (_lists, lambda lists: (1, lists[0]) == (1, [6, 7]), _add),
        (_lists, lambda lists: f"{frozenset([(1, 2)])}{(lists,)}", _add),
        (_lists, lambda lists: sys.getsizeof(lists[0]) > sys.getsizeof([]), _add),
        (_boxes, lambda boxes: boxes[0].__repr__(), _open),
        (_boxes, lambda boxes: sum(map(operator.attrgetter("n"), boxes)), _open),
        (_boxes, lambda boxes: max(boxes, key=operator.attrgetter("n")) is boxes[0], _open),
        (_boxes, lambda boxes: operator.attrgetter("inner.m")(boxes[0]), _open_inner),
        (Shelf, lambda shelf: (*shelf,), _empty),
        (_lists, lambda lists: [*reversed(lists)], lambda lists: lists.append([])),
        (_bytes, lambda buffer: buffer == b"ab", _overwrite),
        (_bytes, lambda buffer: b"ab" == buffer, _overwrite),  # noqa: SIM300
        (_bytes, lambda buffer: buffer in b"xab", _overwrite),
        (_numbers, lambda numbers: 1 in numbers, next),
        (_numbers, lambda numbers: operator.length_hint(numbers), next),
        (_numbers, lambda numbers: [*copy.copy(numbers)], next),
        (Plain, lambda plain: pickle.loads(pickle.dumps(plain)).n, _set),
        (Plain, lambda plain: "{0.n}".format(plain), _set),  # noqa: UP030, UP032
        (Plain, lambda plain: json.dumps([plain], default=vars), _set),
    ],
)  # fmt: skip
def test_elements_are_read(make: Callable[[], Any], look: Callable[[Any], object], change: Callable[[Any], object]) -> None:
    assert len(values_of(make, look, change)) == 2


def _keywords(file: io.StringIO) -> dict[str, Any]:
    return {"file": file}


def _into(size: int) -> Callable[[bytearray], object]:
    return lambda buffer: struct.Struct("B").pack_into(buffer, 0, size)


@pytest.mark.parametrize(
    ("make", "one", "two"),
    [
        (io.StringIO, lambda file: print("a", file=file), lambda file: print("b", file=file)),
        (io.StringIO, lambda file: print(*"a", **_keywords(file)), lambda file: print("b", file=file)),
        (io.StringIO, lambda file: csv.writer(file).writerow("a"), lambda file: csv.writer(file).writerow("b")),
        (lambda: bytearray(1), _into(1), _into(2)),
        (lambda: bytearray(1), lambda buffer: io.BytesIO(b"a").readinto(buffer), lambda buffer: io.BytesIO(b"b").readinto(buffer)),
        (list, operator.methodcaller("append", 1), operator.methodcaller("append", 2)),
        (list, lambda xs: [*map(operator.methodcaller("append", 1), [xs])], lambda xs: xs.append(2)),
        (dict, lambda d: [*map(d.__setitem__, "a", "b")], lambda d: d.update(a="c")),
    ],
)
def test_what_is_written_is_ordered(make: Callable[[], Any], one: Callable[[Any], object], two: Callable[[Any], object]) -> None:
    seen = set()

    def scenario() -> None:
        shared = make()
        together(lambda: one(shared), lambda: two(shared))
        seen.add(str(shared.getvalue() if isinstance(shared, io.StringIO) else shared))

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert len(seen) == 2


def test_methods_of_c_that_know_their_class_are_announced() -> None:
    seen = set()

    def scenario() -> None:
        compressor = zlib.compressobj()
        together(lambda: compressor.compress(b"a"), lambda: compressor.compress(b"b"))
        seen.add(compressor.flush())

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert len(seen) == 2


def test_iterator_made_by_code_of_the_program_is_run_in_several_steps() -> None:
    def scenario() -> None:
        shelf = Shelf()
        together(lambda: sorted(shelf), shelf.books.clear)

    assert explore(scenario).verdict == "inconclusive"


def test_files_written_by_the_library_are_used_by_it() -> None:
    def scenario() -> None:
        file = io.StringIO()
        together(lambda: json.dump([1], file), lambda: json.dump([2], file))

    assert explore(scenario).verdict == "inconclusive"


def test_emptying_a_cache_comes_between_look_and_store() -> None:
    def scenario() -> None:
        state = [1]

        @lru_cache
        def look() -> int:
            return state[0]

        def store() -> None:
            state[0] = 2
            look.cache_clear()

        together(look, store)
        assert look() == 2

    assert explore(scenario).verdict == "failed"


def test_memory_of_a_file_has_one_name() -> None:
    seen = set()

    def scenario() -> None:
        file, found = io.BytesIO(b"a"), []
        view = file.getbuffer()
        together(lambda: found.append(file.getvalue()), lambda: view.__setitem__(0, 98))
        seen.add(found[0])

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert seen == {b"a", b"b"}


def test_memory_that_is_looked_at_cannot_grow() -> None:
    def scenario() -> None:
        buffer = bytearray()

        def look() -> None:
            with memoryview(buffer):
                pass

        together(look, lambda: buffer.append(1))

    assert "BufferError" in explore(scenario, strategy="dpor").failures[0].message
