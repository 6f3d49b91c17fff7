"""Following a recorded schedule.

A schedule lists only the choices that differ from the default, each with its moment, the number of announcements made
before it (`model.Schedule`). Moments are counted by the kernel, whether or not anything could be chosen there, so
they mean the same whichever accesses were scheduling points when the schedule was recorded. That is why a replay asks
to be called at every operation: a deviation may lie at any of them.

Strict replay raises at the first sign that the program is not the one recorded. Lenient replay goes on with the
default and remembers what did not fit: the simplifier tries schedules that nobody has recorded.
"""

from __future__ import annotations

from interleave.errors import ReplayMismatch
from interleave.model import NOWHERE, Point, Schedule, Site, Strategy, Trace
from interleave.strategies._points import bits, site_of


class Replay(Strategy):
    """Run one execution that follows `schedule`; raise `ReplayMismatch` where it cannot, if `strict`.

    The order of two choices at one moment is that of the deviations listed for it.
    """

    every_access = True

    def __init__(self, schedule: Schedule, *, strict: bool = True) -> None:
        self.schedule = schedule
        self.strict = strict
        #: The first thing that did not fit, None as long as everything did.
        self.divergence: ReplayMismatch | None = None
        self._was_run = False
        self._next = 0
        # Moment of the next deviation, -1 when there is none left.
        self._moment = -1

    def begin(self) -> bool:
        """Rewind; the second time, say that there is nothing left to run."""
        if self._was_run:
            return False
        self._was_run = True
        self._advance(0)
        return True

    def choose(self, point: Point) -> int:
        """Return the recorded pick, or the default where nothing was recorded."""
        if 0 <= self._moment <= point.moment:
            return self._deviate(point)
        return point.default

    def end(self, trace: Trace) -> None:
        """Check that the whole schedule was used, and that the execution was as long as recorded."""
        site = trace.events[-1][1].site if trace.events else NOWHERE
        if self._moment >= 0:
            left = len(self.schedule.deviations) - self._next
            self._diverge(f"it ended at announcement {trace.moments}, and recorded choices were left: {left}", len(trace.events), site)
        elif self.schedule.length and trace.moments != self.schedule.length:
            said = f"it ended at announcement {trace.moments}, where the recorded one ended at {self.schedule.length}"
            self._diverge(said, len(trace.events), site)

    def _deviate(self, point: Point) -> int:
        """Return the pick of the deviation due at this point, after passing over those that came too late."""
        while 0 <= self._moment < point.moment:
            said = f"nothing was to be chosen at moment {self._moment}, where a choice was recorded"
            self._diverge(said, len(point.events), site_of(point))
            self._advance(self._next + 1)
        if self._moment != point.moment:
            return point.default
        pick = self.schedule.deviations[self._next].pick
        self._advance(self._next + 1)
        if point.values:
            if pick < point.values:
                return pick
            said = f"value {pick} was recorded, but there are {point.values} to choose from"
        else:
            if point.enabled >> pick & 1:
                return pick
            able = ", ".join(map(str, bits(point.enabled)))
            said = f"logical thread {pick} was recorded, but only these can go on: {able}"
        self._diverge(said, len(point.events), site_of(point))
        return point.default

    def _advance(self, index: int) -> None:
        self._next = index
        deviations = self.schedule.deviations
        self._moment = deviations[index].moment if index < len(deviations) else -1

    def _diverge(self, said: str, step: int, site: Site) -> None:
        if self.divergence is not None:
            return
        self.divergence = ReplayMismatch(
            f"The execution does not follow its schedule at step {step} ({site}): {said}.\n"
            "The code has changed since the seed was made, or it depends on something that is not controlled.\n"
            "Explore again to get a new seed, or follow what still matches: --lenient",
            step=step,
            where=str(site),
        )
        if self.strict:
            raise self.divergence
