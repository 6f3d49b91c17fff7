"""What executions have shown of a program, as an unfolding: events with all that happened before them.

See `bounded` for what it is, and for whom. Events are numbered in order of first sight, from 1; 0 is none. A configuration lists the last
event of each thread by thread number. That a thread exists is an event as well, the first of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from interleave.strategies._footprint import Footprint, is_conflict

Configuration = tuple[int, ...]

#: Kinds of operations that are not always enabled.
_GUARDED = frozenset({"acquire", "done", "get", "join", "put", "shutdown", "sleep", "spin", "wake"})
_SILENT = ("begin", "exit", "join", "spawn")
_TAKES = ("acquire", "try")
_GIVES = ("release", "wait")
_NOTHING = Footprint()


class Announced(NamedTuple):
    """An operation that a thread announces; `joined` is the number of the thread that it waits for, -1 if none.

    `is_mutex` says that it is on a lock that one thread at a time can hold, as against a semaphore.
    """

    kind: str
    footprint: Footprint
    joined: int = -1
    is_mutex: bool = False


class _Event(NamedTuple):
    thread: int
    #: The event of the same thread before this one.
    previous: int
    kind: str
    footprint: Footprint
    #: More than that of any event that happened before.
    depth: int
    #: Number and first event of the thread that it spawns.
    spawned: tuple[int, int] | None = None
    #: Where nothing could go on and time woke it and others: the configuration, and the numbers of all those woken.
    at: Configuration | None = None
    woken: tuple[int, ...] = ()


class Unfolding:
    """The events known, and what is known to be possible after them."""

    def __init__(self) -> None:
        self._events: list[_Event] = [_Event(0, 0, "", _NOTHING, 0), _Event(0, 0, "", _NOTHING, 0)]
        #: Of the program before its first event.
        self.start: Configuration = (1,)
        self._ids: dict[Hashable, int] = {}
        #: By last event of a thread: what it announces then.
        self._announced: dict[int, Announced] = {}
        #: By would-be event: whether it was enabled; and how many values were to choose from after some have been chosen in it.
        self._enabled: dict[Hashable, bool] = {}
        self._counts: dict[tuple[Hashable, tuple[int, ...]], int] = {}
        #: By configuration in which nothing could go on: who was woken by time, nobody at the end.
        self._woken: dict[Configuration, tuple[int, ...]] = {}
        self._has_late = False
        #: By thread: what it touches; and everything touched that conflicts with another thread's.
        self._touched: dict[int, dict[Footprint, None]] = {}
        self._shared: set[Footprint] = set()
        self._has_new_conflicts = False

    # -- what is seen -----------------------------------------------------------------------------------------

    def announce(self, configuration: Configuration, number: int, announced: Announced, *, is_enabled: bool) -> None:
        """Note what a thread announces in a configuration."""
        last = configuration[number]
        if last not in self._announced:
            self._announced[last] = announced
            self._touch(number, announced.footprint)
        if announced.kind in _GUARDED and number not in self._late_in(configuration):
            self._enabled[self._would_be(configuration, number)] = is_enabled

    def wake(self, configuration: Configuration, numbers: tuple[int, ...]) -> None:
        """Note that nothing could go on in a configuration, and whom time woke then."""
        self._woken[configuration] = numbers
        self._has_late = True

    def close(self, configuration: Configuration) -> None:
        """Note that an execution ended in a configuration."""
        self._woken.setdefault(configuration, ())

    def enter(
        self, configuration: Configuration, number: int, asked: Sequence[tuple[int, int]], *, is_late: bool, spawned: int
    ) -> Configuration:
        """Enter the event of a thread, with what was asked in it as (number of values, value); return the configuration after it."""
        key = self._would_be(configuration, number)
        values: tuple[int, ...] = ()
        for count, value in asked:
            self._counts[key, values] = count
            values += (value,)
        self._counts[key, values] = 0
        event = self._ids.get((key, values))
        if event is None:
            announced = self._announced[configuration[number]]
            depth = 1 + max(self._events[one].depth for one in configuration)
            at = self._late_at(configuration, number) if is_late else None
            born = (
                (spawned, self._add((configuration, key, values, "birth"), _Event(spawned, 0, "", _NOTHING, depth)))
                if spawned >= 0
                else None
            )
            made = _Event(
                number, configuration[number], announced.kind, announced.footprint, depth, born, at, self._woken.get(at, ()) if at else ()
            )
            event = self._add((key, values), made)
        return self._after(configuration, number, event)

    def has_new_conflicts(self) -> bool:
        """Tell whether operations that were local turned out not to be, since the last call."""
        found, self._has_new_conflicts = self._has_new_conflicts, False
        return found

    # -- what is known ----------------------------------------------------------------------------------------

    def enabled(self, configuration: Configuration) -> tuple[int, ...] | None:
        """Return who can go on, in order of number; None if that is not known of all."""
        late = self._late_in(configuration)
        able = []
        for number, last in enumerate(configuration):
            if not last or self._events[last].kind == "exit":
                continue
            if last not in self._announced:
                return None
            is_enabled = number in late or self._is_enabled(configuration, number)
            if is_enabled is None:
                return None
            if is_enabled:
                able.append(number)
        if not able and configuration not in self._woken:
            return None
        return tuple(able)

    def is_local(self, configuration: Configuration, number: int) -> bool:
        """Tell whether what a thread does next conflicts with nothing that others are known to do."""
        announced = self._announced[configuration[number]]
        return announced.footprint not in self._shared and not announced.footprint.is_unknown

    def is_silent(self, configuration: Configuration, number: int) -> bool:
        """Tell whether what a thread does next only starts, ends or orders threads."""
        announced = self._announced[configuration[number]]
        return announced.kind in _SILENT and announced.footprint not in self._shared

    def steps(self, configuration: Configuration, number: int) -> Iterator[tuple[tuple[int, ...], Configuration | None]]:
        """Yield the values that a thread may choose in its next event, each with the configuration after it, None if not known."""
        key = self._would_be(configuration, number)
        prefixes: list[tuple[int, ...]] = [()]
        while prefixes:
            values = prefixes.pop()
            count = self._counts.get((key, values))
            if count:
                prefixes += [(*values, value) for value in reversed(range(count))]
            else:
                event = self._ids.get((key, values)) if count is not None else None
                yield values, self._after(configuration, number, event) if event is not None else None

    # -- details ----------------------------------------------------------------------------------------------

    def _add(self, key: Hashable, event: _Event) -> int:
        self._events.append(event)
        self._ids[key] = len(self._events) - 1
        return len(self._events) - 1

    def _after(self, configuration: Configuration, number: int, event: int) -> Configuration:
        following = list(configuration)
        following[number] = event
        born = self._events[event].spawned
        if born is not None:
            following += [0] * (born[0] + 1 - len(following))
            following[born[0]] = born[1]
        return tuple(following)

    def _would_be(self, configuration: Configuration, number: int) -> Hashable:
        """Return what tells the next event of a thread from all others, whatever is chosen in it."""
        if number in self._late_in(configuration):
            return number, configuration[number], self._late_at(configuration, number)
        announced = self._announced[configuration[number]]
        conflicts = [self._last_conflict(last, announced.footprint) if other != number else 0 for other, last in enumerate(configuration)]
        if announced.joined >= 0 and self._is_over(configuration, announced.joined):
            conflicts[announced.joined] = configuration[announced.joined]
        while conflicts and not conflicts[-1]:
            conflicts.pop()
        return number, configuration[number], tuple(conflicts)

    def _last_conflict(self, event: int, footprint: Footprint) -> int:
        """Return the last event of a thread, up to `event`, that conflicts with what is touched."""
        if footprint is _NOTHING or (footprint not in self._shared and not footprint.is_unknown):
            return 0
        events = self._events
        while event and not is_conflict(events[event].footprint, footprint):
            event = events[event].previous
        return event

    def _is_over(self, configuration: Configuration, number: int) -> bool:
        return number < len(configuration) and self._events[configuration[number]].kind == "exit"

    def _is_enabled(self, configuration: Configuration, number: int) -> bool | None:
        announced = self._announced[configuration[number]]
        if announced.kind not in _GUARDED:
            return True
        if announced.kind == "join":
            return self._is_over(configuration, announced.joined)
        if announced.kind == "acquire" and announced.is_mutex and announced.footprint.is_single:
            found = [self._events[self._last_conflict(last, announced.footprint)] for last in configuration]
            latest = max(found, key=lambda event: event.depth)
            if latest.kind in _TAKES or latest.kind in _GIVES:
                return latest.kind in _GIVES
        return self._enabled.get(self._would_be(configuration, number))

    def _late_in(self, configuration: Configuration) -> tuple[int, ...]:
        """Return who was woken by time and has not gone on since."""
        if not self._has_late:
            return ()
        found = [*self._woken.get(configuration, ())]
        for at, woken in self._wakings(configuration):
            found += [number for number in woken if configuration[number] == at[number]]
        return tuple(sorted({*found}))

    def _late_at(self, configuration: Configuration, number: int) -> Configuration:
        """Return the configuration in which time woke a thread that has not gone on since."""
        for at, woken in self._wakings(configuration):
            if number in woken and configuration[number] == at[number]:
                return at
        return configuration

    def _wakings(self, configuration: Configuration) -> Iterator[tuple[Configuration, tuple[int, ...]]]:
        for last in configuration:
            event = last
            while event:
                one = self._events[event]
                if one.at is not None:
                    yield one.at, one.woken
                event = one.previous

    def _touch(self, number: int, footprint: Footprint) -> None:
        """Note what a thread touches, and what of all that is known conflicts between threads."""
        own = self._touched.setdefault(number, {})
        if footprint in own:
            return
        own[footprint] = None
        for other, theirs in self._touched.items():
            if other == number:
                continue
            for one in theirs:
                if is_conflict(one, footprint):
                    self._has_new_conflicts |= one not in self._shared
                    self._shared.update((one, footprint))
