"""What the program under test touches instead of the real primitives, for the time of an exploration.

* `locks`, `conditions`, `queues`, `threads`, `clocks`, `entropy`: the stand-ins. None of them decides anything: they announce
  operations to the kernel (`interleave.runtime`) and keep the state of the thing they stand for.
* `takeover`: puts them where the program looks, and takes them away again.

A new stand-in is a file with a table `METHODS` ((class, name) -> function) or `FUNCTIONS` (original -> stand-in), and one row below.
"""

from __future__ import annotations

import _queue
import _thread
import threading
from typing import Any

from interleave.primitives import clocks, conditions, entropy, locks, queues, threads

#: Methods exchanged on classes that stay the classes they are.
METHODS: dict[tuple[type, str], Any] = {**conditions.METHODS, **queues.METHODS, **threads.METHODS}

#: Objects exchanged wherever a module, class, closure or default holds them.
OBJECTS: list[tuple[Any, Any]] = [
    (_thread.allocate_lock, locks.Lock),
    (_thread.allocate, locks.Lock),
    (_thread.RLock, locks.RLock),
    (_thread.start_new_thread, threads.start_new_thread),
    (_thread.start_new, threads.start_new_thread),
    (_thread.get_ident, threads.get_ident),
    (_thread.get_native_id, threads.get_native_id),
    (_queue.SimpleQueue, queues.SimpleQueue),
    *clocks.FUNCTIONS.items(),
    *entropy.FUNCTIONS.items(),
]
if threading.Lock is not _thread.allocate_lock:  # 3.13: the class itself
    OBJECTS.append((threading.Lock, locks.Lock))

#: By type of an object that existed before the exploration: the stand-in that takes it over.
INSTANCES: dict[type, Any] = {type(_thread.allocate_lock()): locks.Lock, _thread.RLock: locks.RLock, _queue.SimpleQueue: queues.SimpleQueue}
