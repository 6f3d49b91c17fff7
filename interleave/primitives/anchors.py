"""Ways to find a holder again without keeping it alive.

What allows weak references is found by one, and a namespace by its module or instance. Everything else (a list, a tuple, a cell of a
closure, an object with slots) is found by a path from something that does: the closure of a function, a list in the namespace of a
module, the parameters of a test. Such paths are searched for with a pass over the heap for every step, so only for what comes up again.

An anchor returns the holder, or None if it is not there any more; somebody else may stand there by then, so who asks compares.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import CellType, FrameType, FunctionType, ModuleType
from typing import Any

from interleave.primitives.holders import slots

Anchor = Callable[[], Any]
#: From a holder to one of the objects in it: how to get it, and by which key.
_Step = tuple[Callable[[Any, Any], Any], Any]

#: How long paths are at most: a cell in the closure of a function is two steps away.
_STEPS = 4
#: Keys of dictionaries that may be kept without keeping anything of the program alive.
_KEYS = (str, int, weakref.ref)
_OURS = "interleave."
_FUNCTION_PARTS = ("__closure__", "__defaults__", "__kwdefaults__", "__globals__")


def direct(holder: Any, owner: Any) -> Anchor | None:
    """Return an anchor for a holder that needs no search, of the namespace of `owner` if that is given; None if there is none."""
    if owner is not None and type(owner).__weakrefoffset__:
        return partial(_namespace_of, weakref.ref(owner))
    if type(holder).__weakrefoffset__:
        return weakref.ref(holder)
    return None


def of_modules(holders: Iterable[Any]) -> dict[int, Anchor]:
    """Return anchors for those of the holders that are namespaces of modules, by id."""
    namespaces = {id(holder) for holder in holders if type(holder) is dict}
    modules = [one for one in list(sys.modules.values()) if type(one) is ModuleType] if namespaces else []
    return {id(vars(one)): partial(_namespace_of, weakref.ref(one)) for one in modules if id(vars(one)) in namespaces}


def search(holders: Iterable[Any]) -> dict[int, Anchor]:
    """Search for paths to holders; return anchors for those that have one, by id."""
    found: dict[int, Anchor] = {}
    #: By id of what is looked for: the holders that it leads to, each with the steps from there.
    wanted = {id(holder): (holder, [(id(holder), ())]) for holder in holders}
    for _ in range(_STEPS):
        if not wanted:
            break
        parents: dict[int, Any] = {}
        anchors = _anchored(wanted, found, parents)
        wanted = {key: value for key, value in parents.items() if key not in anchors}
    return found


def _anchored(wanted: dict[int, Any], found: dict[int, Anchor], parents: dict[int, Any]) -> set[int]:
    """Go one step towards what anchors; note what is found, and in `parents` what is to be looked for next."""
    sought = [one for one, _ in wanted.values()]
    referrers = gc.get_referrers(*sought)
    modules = of_modules(referrers)
    for parent in referrers:
        if parent is sought or isinstance(parent, FrameType) or type(parent).__module__.startswith(_OURS):
            continue
        base = modules.get(id(parent)) or direct(parent, None)
        for step, child in _inside(parent):
            for target, steps in wanted[id(child)][1] if id(child) in wanted else ():
                path = (step, *steps)
                if target in found:
                    continue
                if base is not None:
                    found[target] = partial(_follow, base, path)
                else:
                    parents.setdefault(id(parent), (parent, []))[1].append((target, path))
    return {key for key, (_, targets) in parents.items() if all(target in found for target, _ in targets)}


def _inside(parent: Any) -> Iterator[tuple[_Step, Any]]:
    """Yield what an object holds, as far as a path can lead there."""
    kind = type(parent)
    if kind is dict:
        yield from (((dict.get, key), value) for key, value in list(parent.items()) if isinstance(key, _KEYS))
    elif kind is list:
        yield from (((list.__getitem__, index), value) for index, value in enumerate(parent))
    elif isinstance(parent, tuple):
        yield from (((tuple.__getitem__, index), value) for index, value in enumerate(tuple.__iter__(parent)))
    elif kind is CellType:
        yield from [((_contents, None), _contents(parent, None))]
    elif kind is FunctionType:
        yield from (((getattr, name), getattr(parent, name)) for name in _FUNCTION_PARTS)
        yield from [((_attribute_dictionary, None), parent.__dict__)]
    elif isinstance(parent, type):
        yield from [((_class_dictionary, None), _class_dictionary(parent, None))]
    else:
        yield from (((_slot, member.__name__), value) for member, value in slots(parent))
        if (namespace := _namespace(parent)) is not None:
            yield ((_attribute_dictionary, None), namespace)
            if isinstance(namespace, dict):
                yield from (((_attribute, name), value) for name, value in list(namespace.items()))


def _contents(cell: CellType, _: None) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _class_dictionary(cls: type, _: None) -> Any:
    """Return the dictionary behind the namespace of a class, which nobody but the garbage collector gives away."""
    names = vars(cls).keys()
    return next((one for one in gc.get_referents(cls) if type(one) is dict and one.keys() == names), None)


def _attribute_dictionary(one: Any, _: None) -> Any:
    return _namespace(one)


def _slot(one: Any, name: str) -> Any:
    return next((value for member, value in slots(one) if member.__name__ == name), None)


def _attribute(one: Any, name: str) -> Any:
    return _namespace(one).get(name)


def _follow(base: Anchor, path: tuple[_Step, ...]) -> Any:
    one = base()
    for get, key in path:
        if one is None:
            return None
        try:
            one = get(one, key)
        except (AttributeError, LookupError, TypeError):
            return None
    return one


def _namespace_of(reference: weakref.ref[Any]) -> Any:
    owner = reference()
    return _namespace(owner) if owner is not None else None


def _namespace(owner: Any) -> Any:
    try:
        return object.__getattribute__(owner, "__dict__")
    except AttributeError:
        return None
