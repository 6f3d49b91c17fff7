"""What the program under test touches instead of the real primitives, for the time of an exploration.

* `locks`, `conditions`, `queues`, `simple_queue`, `threads`, `clocks`, `dates`, `entropy`, `hashes`: the stand-ins. None of them decides
  anything: they announce operations to the kernel (`interleave.runtime`) and keep the state of the thing they stand for.
* `outside`: what cannot be stood in for, and is noted.
* `takeover`: puts them where the program looks, and takes them away again; `holders`: finds and changes these places.

A new stand-in is a file with a table `METHODS` ((class, name) -> function) or `OBJECTS` (rows of original and stand-in), and one row below.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from interleave.primitives import clocks, conditions, dates, entropy, hashes, locks, outside, queues, simple_queue, threads
from interleave.primitives.rows import Row

#: Methods exchanged on classes that stay the classes they are.
METHODS: dict[tuple[type, str], Any] = {
    **conditions.METHODS,
    **queues.METHODS,
    **threads.METHODS,
    **dates.METHODS,
    **entropy.METHODS,
    **hashes.METHODS,
    **outside.METHODS,
}
# Programs see the names of functions: a thread is called after its target. Where one stands in for several, the first counts.
for (_kind, _name), _stand_in in reversed(METHODS.items()):
    if isinstance(_stand_in, FunctionType):
        _stand_in.__name__, _stand_in.__qualname__ = _name, f"{_kind.__name__}.{_name}"

#: Objects exchanged wherever a module, class, closure, default or container holds them.
OBJECTS: tuple[Row, ...] = (*locks.OBJECTS, *threads.OBJECTS, *simple_queue.OBJECTS, *clocks.OBJECTS, *entropy.OBJECTS, *outside.OBJECTS)

#: Types of objects that may exist before the exploration, each with the class whose instances take them over.
INSTANCES: tuple[Row, ...] = (*locks.INSTANCES, *simple_queue.INSTANCES)
