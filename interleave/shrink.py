"""From the schedule that failed first to the simplest one that fails in the same way.

Simplest is, in this order: fewest preemptions, fewest switches, fewest steps, fewest choices that differ from the
default, lowest numbers of what is chosen. All work is on choices, as in Hypothesis: a candidate is a list of
deviations, whoever runs it says whether it fails in the same way, and the trace of that run says what was really
done. So a candidate need not be executable to the letter: picks that are not possible become default choices. A trace
replaces the best one if it is simpler, never otherwise, hence the work ends.

Three kinds of candidates are tried in rounds, until a round finds nothing:

* *Drop* some deviations: all, then halves, quarters, ... single ones (Zeller, Hildebrandt, "Simplifying and Isolating
  Failure-Inducing Input", IEEE TSE 2002, algorithm ddmin, of which only the complements are tried). Later ones go
  first, because dropping an earlier one changes what the later ones mean.
* *Join* two stretches of one thread that another thread's stretch separates, by moving that one behind or the second
  stretch forward (the consolidations of Jalbert, Sen, "A Trace Simplification Technique for Effective Debugging of
  Concurrent Programs", FSE 2010, section 4; there on threads' steps, here on moments, which count the same steps
  before and after the move).
* *Adjust* one deviation: a little earlier or later, another thread, a smaller value.

That is a descent, and it can end at a schedule that no small change improves. So after the first descent a search
runs schedules by number of preemptions, from none upwards, below the number reached (`search`). What it finds first
has as few as possible. If it gets through, the number is proven. If it does neither, because there are many ways to go on
where threads block, such schedules are drawn at random (`sample`), and below what is found again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from interleave.model import Deviation, Schedule, Trace

#: Runs a schedule, leniently. Returns the trace if it failed in the same way, else None.
Run = Callable[[Schedule], Trace | None]
#: Runs one schedule after another with at most so many preemptions, fewest first, until there are none left. Each gives the trace if it
#: failed in the same way, else None.
Search = Callable[[int], Iterator[Trace | None]]
#: The same without end and in any order, with at most as many preemptions as the function says that it gets, anew for each.
Sample = Callable[[Callable[[], int]], Iterator[Trace | None]]

#: How far a deviation is moved at a time.
NUDGES = (-1, 1, -2, 2, -4, 4)


def simplify(trace: Trace, run: Run, *, limit: int = 500, search: Search | None = None, sample: Sample | None = None) -> Trace:
    """Return the simplest trace found that fails as `trace` does; it is `trace` itself if none is simpler.

    At most `limit` schedules are run. With `search`, five in eight of them are kept for it, for `sample`, and for the descents from what
    these find. The result is a function of the arguments: what is drawn at random depends on nothing else.
    """
    descent = _Descent(trace, run, limit)
    descent.go_down(reserve=0 if search is None else limit * 5 // 8)
    if search is not None and not descent.search(search, limit // 5) and sample is not None:
        descent.sample(sample, limit * 3 // 8)
    return descent.best


def complexity(trace: Trace) -> tuple[int, int, int, int, int]:
    """Return what is to be made small: preemptions, switches, steps, deviations, sum of their picks."""
    picks = sum(deviation.pick for deviation in trace.deviations)
    return trace.preemptions, trace.switches, trace.moments, len(trace.deviations), picks


class _Descent:
    """Hold the best trace so far, and go to simpler ones as long as there are runs left."""

    def __init__(self, trace: Trace, run: Run, left: int) -> None:
        self.best = trace
        self._run = run
        self._left = left
        self._reserve = 0
        # Deviations that were run, or that a run came down to: a second time gives nothing new.
        self._tried = {tuple(trace.deviations)}

    def go_down(self, reserve: int = 0) -> None:
        """Try all kinds of candidates until none of them is simpler, or no more than `reserve` runs are left."""
        self._reserve = reserve
        is_better = True
        while is_better and self._left > reserve:
            # Not `or`: each kind gets its turn, since what one has changed opens ways for another.
            is_better = self._drop()
            is_better |= self._take_first(_joined)
            is_better |= self._take_first(_adjusted)

    def search(self, search: Search, most: int) -> bool:
        """Go to what a search finds in `most` runs and down from there; tell whether there are no fewer preemptions than those reached."""
        if not self.best.preemptions:
            return True
        runs = search(self.best.preemptions - 1)
        for _ in range(min(most, self._left)):
            try:
                found = next(runs)
            except StopIteration:
                return True
            self._left -= 1
            if self._take(found):
                return True
        return False

    def sample(self, sample: Sample, most: int) -> None:
        """Go to what samples find in `most` runs, and down from there, as long as there are preemptions."""
        for found in islice(sample(lambda: self.best.preemptions - 1), most):
            self._left -= 1
            if (self._take(found) and not self.best.preemptions) or self._left <= 0:
                return

    def _take(self, found: Trace | None) -> bool:
        """Go on from what was found, if it is simpler."""
        if found is None or complexity(found) >= complexity(self.best):
            return False
        self.best = found
        self.go_down()
        return True

    def _drop(self) -> bool:
        """Drop ever smaller groups of deviations."""
        is_better = False
        size = len(self.best.deviations)
        while size and self._left > self._reserve:
            end = len(self.best.deviations)
            while end > 0:
                start = max(0, end - size)
                deviations = self.best.deviations
                is_better |= self._attempt([*deviations[:start], *deviations[end:]])
                # What is left may be shorter by more than was dropped.
                end = min(start, len(self.best.deviations))
            size = min(size // 2, len(self.best.deviations))
        return is_better

    def _take_first(self, candidates: Callable[[Trace], Iterator[list[Deviation]]]) -> bool:
        """Go to the first simpler candidate, then on from there, until there is none."""
        is_better = False
        while self._left > self._reserve and any(self._attempt(candidate) for candidate in candidates(self.best)):
            is_better = True
        return is_better

    def _attempt(self, deviations: Sequence[Deviation]) -> bool:
        """Run a candidate and keep it if it is simpler."""
        key = tuple(deviations)
        if key in self._tried or self._left <= self._reserve:
            return False
        self._tried.add(key)
        self._left -= 1
        trace = self._run(Schedule(key))
        if trace is None:
            return False
        self._tried.add(tuple(trace.deviations))
        if complexity(trace) >= complexity(self.best):
            return False
        self.best = trace
        return True


def _joined(trace: Trace) -> Iterator[list[Deviation]]:
    """Yield candidates in which two neighbouring deviations are gone or one, so that two stretches of a thread may join."""
    deviations = trace.deviations
    for index in range(len(deviations) - 1):
        first, second = deviations[index : index + 2]
        before, after = deviations[:index], deviations[index + 2 :]
        yield [*before, *after]
        # The stretch between the two comes later: the switch that follows has to come earlier by its length.
        earlier = after[0].moment - (second.moment - first.moment) if after else -1
        if earlier >= first.moment:
            yield [*before, Deviation(earlier, after[0].pick), *after[1:]]
        # The stretch that begins with the second joins the one that ended with the first.
        end = after[0].moment if after else trace.moments
        yield [*before, Deviation(first.moment + end - second.moment, first.pick), *after]


def _adjusted(trace: Trace) -> Iterator[list[Deviation]]:
    """Yield candidates with one deviation elsewhere, or with another thread."""
    deviations = trace.deviations
    for index, (moment, pick) in enumerate(deviations):
        before, after = deviations[:index], deviations[index + 1 :]
        floor = before[-1].moment + 1 if before else 0
        ceiling = after[0].moment if after else trace.moments
        for nudge in NUDGES:
            if floor <= moment + nudge < ceiling:
                yield [*before, Deviation(moment + nudge, pick), *after]
        # A pick may be of a value, where only a smaller one is simpler.
        for other in (*range(len(trace.threads)), pick // 2, pick - 1):
            if other != pick and other >= 0:
                yield [*before, Deviation(moment, other), *after]
