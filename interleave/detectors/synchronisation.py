"""What synchronisation orders: vector clocks over the trace of one execution, joined along releases and acquires only.

Two accesses that these clocks do not order are *concurrent*, whichever came first in the trace: nothing that the program does makes it so.
The order is that of Lamport's happens-before with the edges of FastTrack (Flanagan, Freund, "FastTrack: Efficient and Precise
Dynamic Race Detection", PLDI 2009, sections 2 and 3). A *channel* keeps the clock that releases have left there, and an acquire joins it
to the clock of its thread. A primitive has several, because not everything done to it orders everything else:

| operation | acquires what was released by | releases to |
| --- | --- | --- |
| start of a thread, its end | | its first step; whoever joins it or sees that it is not alive |
| lock: acquire, try that took it, `locked` | release; also all on the queue whose mutex it is | |
| lock: release; the wait of a condition, which frees the lock | | acquire |
| condition: notify | | wake |
| condition: wake | notify, release of the lock | |
| event: set | | wait, wake, `is_set` |
| semaphore: release | | acquire, try |
| queue: put | `get`, if the queue can be full; `release` of its mutex | get |
| queue: get | put, `release` of its mutex | put, if the queue can be full |
| queue: task_done, shutdown | release of its mutex | join; everything |
| queue: `qsize`, `empty`, `full` | put, get | |

So two producers are not ordered with each other by putting into one queue, nor are two threads that look at its size; an acquire is not
ordered before anything by itself. `Barrier`, `Future` and thread pools run on these: the standard library's own code makes their
edges. Sleeping orders nothing, and neither does a wait that gave up.

Coarser than the programs' own reasons: a channel collects what all releases so far have left, as in ThreadSanitizer. So a `get` comes after
all earlier puts and not only after that of its item, an `acquire` after all earlier releases of a semaphore, a wait after all earlier
`set`s, cleared or not. That may hide a race in one execution; it makes none up.

With `locks=False` mutexes order nothing. What then is still ordered, no schedule reverses as long as the same operations are made: that is
what predictions ask for (`atomicity`, `lock_order`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from interleave.model import MEMORY, Event, Operation, Owner, RaceAccess, Step, Trace, Witness
from interleave.vector_clock import Clock, happened_before, join, start

#: Names of types of which one thread at a time can hold an object, as they stand in owners.
MUTEXES = frozenset({"lock", "Lock", "RLock"})
_MODES = {"read": "reads", "write": "writes", "wait": "waits", "notify": "notifies", "set": "sets"}
_Channel = tuple[Owner, str]
_QUEUE = ("items", "room", "done")
#: By kind, for operations on one resource: the channels that are acquired, and those released to.
_EDGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "acquire": (("free", *_QUEUE), ()),
    "try": (("free", *_QUEUE), ()),
    "release": ((), ("free",)),
    "locked": (("free",), ()),
    "notify": ((), ("set",)),
    "set": ((), ("set",)),
    "is_set": (("set",), ()),
    "put": (("free",), ("items",)),
    "get": (("free", "items"), ("room",)),
    "done": (("free",), ("done",)),
    "join": (("free", "done"), ()),
    "shutdown": (("free",), _QUEUE),
    "qsize": (("items", "room"), ()),
    "empty": (("items", "room"), ()),
    "full": (("items", "room"), ()),
    "alive": (("exit",), ()),
    "exit": ((), ("exit",)),
}


class Order:
    """Answers which events of a trace happened before which."""

    def __init__(self, events: Sequence[Event], witness: Witness, *, locks: bool = True) -> None:
        self.tids = [tid for tid, _ in events]
        self._clocks: list[Clock] = []
        self._locks = locks
        self._witness = witness
        self._channels: dict[_Channel, Clock] = {}
        self._taken = takes(events, witness)
        # Spawns name threads that may make no event.
        width = max([0, *self.tids, *(operation.target for _, operation in events)]) + 1
        self._current = [start(width) for _ in range(width)]
        self._last = [-1] * width
        for position, (tid, operation) in enumerate(events):
            if operation.kind not in MEMORY:
                self._synchronise(position, tid, operation)
            self._clocks.append(self._current[tid])
            self._last[tid] = position

    def is_before(self, one: int, other: int) -> bool:
        """Tell whether the event at position `one` is ordered before the one at `other`."""
        if self.tids[one] == self.tids[other]:
            return one <= other
        return happened_before(one, self.tids[one], self._clocks[other])

    def _synchronise(self, position: int, tid: int, operation: Operation) -> None:
        """Take in one operation on a primitive or thread."""
        current, channels = self._current, self._channels
        clock = current[tid]
        if position in self._witness.timed_out:
            return
        if operation.kind == "join" and operation.target >= 0:
            current[tid] = join(clock, self._released(current[operation.target], operation.target, self._last[operation.target]))
            return
        acquired, released = self._edges(position, operation)
        for channel in acquired:
            other = channels.get(channel)
            if other is not None:
                # Never in place: clocks are shared by the events of a thread between two acquires.
                clock = current[tid] = join(clock, other)
        if operation.kind == "spawn":
            current[operation.target] = join(current[operation.target], self._released(clock, tid, position))
        for channel in released:
            left = self._released(clock, tid, position)
            other = channels.get(channel)
            channels[channel] = left if other is None else join(left, other)

    @staticmethod
    def _released(clock: Clock, tid: int, position: int) -> Clock:
        """Return the clock of a thread with its events up to `position` in it."""
        released = clock.copy()
        released[tid] = position
        return released

    def _edges(self, position: int, operation: Operation) -> tuple[Iterator[_Channel], Iterator[_Channel]]:
        """Return the channels that an operation acquires and those that it releases to."""
        kind, accesses = operation.kind, operation.accesses or ()
        owners = [access.owner for access in accesses]
        if kind == "wait":
            # Of a condition, with its lock; or of an event, to look at it.
            if len(owners) == 2:
                return self._channels_of([], ()), self._channels_of(owners[1:], ("free",))
            return self._channels_of(owners, ("set",)), self._channels_of([], ())
        if kind == "wake":
            return self._channels_of(owners, ("set", "free")), self._channels_of([], ())
        acquired, released = _EDGES.get(kind, ((), ()))
        if kind in ("acquire", "try") and owners and owners[0][-1] in MUTEXES and position not in self._taken:
            acquired = ()
        if position in self._witness.bounded and kind == "put":
            acquired = (*acquired, "room")
        return self._channels_of(owners, acquired), self._channels_of(owners, released)

    def _channels_of(self, owners: Sequence[Owner], names: Sequence[str]) -> Iterator[_Channel]:
        for owner in owners:
            for name in names:
                if self._locks or name != "free" or owner[-1] not in MUTEXES:
                    yield owner, name


def takes(events: Sequence[Event], witness: Witness) -> dict[int, tuple[Owner, int]]:
    """Return the events by which a thread took a mutex: by position, the mutex and its bit in `Witness.held`.

    It took it if it holds one more when it makes its next event; a last event does not count, nothing follows it.
    """
    following: dict[int, int] = {}
    taken: dict[int, tuple[Owner, int]] = {}
    for position in range(len(events) - 1, -1, -1):
        tid, operation = events[position]
        after = following.get(tid)
        following[tid] = position
        if operation.kind in MEMORY or after is None:
            continue
        bits = witness.held[after] & ~witness.held[position]
        mutexes = [access.owner for access in operation.accesses or () if access.owner[-1] in MUTEXES]
        if bits and not bits & (bits - 1) and mutexes:
            taken[position] = (mutexes[-1], bits)
    return dict(sorted(taken.items()))


def access_of(step: Step, thread: str, locks: Iterable[str]) -> RaceAccess:
    """Return a step as one of the accesses that make a race or explain a failure."""
    where, mode = step.where, _MODES.get(step.kind, step.kind)
    return RaceAccess(step.tid, thread, mode, step.value, where.file, where.line, where.function, tuple(locks))


def locks_of(trace: Trace) -> dict[int, str]:
    """Return the names of the mutexes in an execution that was watched and run in detail, by bit in `Witness.held`, lowest first."""
    assert trace.witness is not None
    found = takes(trace.events, trace.witness).items()
    return dict(sorted((bit, trace.steps[at].place) for at, (_, bit) in found if at < len(trace.steps)))
