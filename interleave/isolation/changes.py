"""What an execution changed of the state of modules in scope, one sentence for each variable.

That an object was exchanged for another of the same type and content is no change: a scenario that begins by building its state anew does
just that. Objects are compared by type, and built-in containers and instances by content, a few levels deep; in doubt they are alike.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from interleave.instrument.kinds import instance_namespace
from interleave.isolation.kept import CONTAINERS, MISSING, Bytes, Cell, Generator, Kept, Members, Position
from interleave.isolation.snapshot import Snapshot

#: How deep contents are compared, and how many elements of one container.
_DEPTH: Final = 4
_MOST: Final = 1_000
_SCALARS: Final = frozenset({int, str, float, bool, type(None), bytes, complex})
_SEQUENCES: Final = (list, tuple, deque)
_MAPPINGS: Final = (dict, OrderedDict, defaultdict, Counter)
_CONTAINERS: Final = tuple(kept for _, kept in CONTAINERS)
#: Characters of a value that is shown.
_LONGEST: Final = 40


def changes(snapshot: Snapshot) -> list[str]:
    """Say what is not as it was when the snapshot was taken, in the order in which it was found from the globals of modules."""
    before = {id(one.obj): one.saved for one in snapshot.kept}
    found = []
    for one in snapshot.kept:
        if not one.is_same():
            found += [f"`{name}` was changed by the execution: {how}" for name, how in _differences(one, before)]
    return found


def _differences(kept: Kept, before: dict[int, Any]) -> Iterator[tuple[str, str]]:
    now, saved = kept.read(), kept.saved
    if isinstance(kept, Generator):
        yield kept.name, "random numbers were drawn from it"
    elif isinstance(kept, Position):
        yield kept.name, f"it was {saved} before and {now} after"
    elif isinstance(kept, Cell):
        if not _are_alike((*saved, MISSING)[0], (*now, MISSING)[0], before, _DEPTH):
            yield kept.name, _was((*saved, MISSING)[0], (*now, MISSING)[0], before)
    elif type(kept) in _CONTAINERS and len(saved) != len(now):
        yield kept.name, f"it had {_items(len(saved))} before and {len(now)} after"
    elif isinstance(kept, Bytes):
        yield kept.name, "it had other bytes before"
    elif isinstance(kept, Members):
        if _scalars(saved) != _scalars(now):
            yield kept.name, "it had other elements before"
    elif isinstance(saved, dict):
        yield from _of_names(kept, saved, now, before)
    else:
        for number, (one, other) in enumerate(zip(saved[:_MOST], now, strict=False)):
            if not _are_alike(one, other, before, _DEPTH):
                yield f"{kept.name}[{number}]", _was(one, other, before)
                return


def _of_names(kept: Kept, saved: dict[Any, Any], now: dict[Any, Any], before: dict[int, Any]) -> Iterator[tuple[str, str]]:
    """Compare what has names: attributes, variables, keys that are plain values."""
    is_container = type(kept) in _CONTAINERS
    keys = [key for key in dict.fromkeys((*saved, *now)) if type(key) in _SCALARS]
    for key in keys[:_MOST]:
        one, other = saved.get(key, MISSING), now.get(key, MISSING)
        if not _are_alike(one, other, before, _DEPTH):
            yield f"{kept.name}[{key!r}]" if is_container else f"{kept.name}.{key}", _was(one, other, before)
            if is_container:
                return


def _was(one: object, other: object, before: dict[int, Any]) -> str:
    if one is MISSING or other is MISSING:
        return f"it was not there before and is {_text(other)} after" if one is MISSING else f"it was {_text(one)} before and is gone after"
    size, size_after = _size(one, before), _size(other, {})
    if type(one) is type(other) and size is not None and size != size_after:
        return f"it had {_items(size)} before and {size_after} after"
    text, text_after = _text(one), _text(other)
    if text == text_after:
        return f"it is another {type(other).__name__} with other contents after"
    return f"it was {text} before and {text_after} after"


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"


def _size(value: Any, before: dict[int, Any]) -> int | None:
    content = before.get(id(value), value)
    return len(content) if type(value) in (*_SEQUENCES, *_MAPPINGS, set, frozenset, bytearray) else None


def _text(value: object) -> str:
    kind = type(value)
    if kind not in _SCALARS:
        article = "an" if kind.__name__[:1] in "AEIOaeio" else "a"
        return f"{article} {kind.__name__}"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _are_alike(one: Any, other: Any, before: dict[int, Any], depth: int) -> bool:
    """Tell whether a value as it was and one as it is now are the same, or look the same."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in _SCALARS:
        return bool(one == other) or (one != one and other != other)
    if one is other or depth == 0:
        # What it holds is compared by itself, under its own name.
        return True
    content = before.get(id(one), one)
    if kind in _SEQUENCES:
        pairs = islice(zip(content, other, strict=False), _MOST)
        return len(content) == len(other) and all(_are_alike(a, b, before, depth - 1) for a, b in pairs)
    if kind in (set, frozenset):
        return len(content) == len(other) and _scalars(content) == _scalars(other)
    if kind in _MAPPINGS:
        keys = [key for key in content if type(key) in _SCALARS][:_MOST]
        if len(content) != len(other):
            return False
        return all(key in other and _are_alike(content[key], other[key], before, depth - 1) for key in keys)
    namespace, attributes = instance_namespace(one), instance_namespace(other)
    if namespace is None or attributes is None:
        return True
    return _are_alike(namespace, attributes, before, depth - 1)


def _scalars(elements: Iterable[object]) -> set[object]:
    return {one for one in elements if type(one) in _SCALARS}
