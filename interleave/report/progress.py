"""What is shown while an exploration runs: executions per second, failures so far, how deep a search is, and what is left.

Nothing is shown during the first two seconds, which most explorations do not need. On a terminal one line is kept up to date, with a bar
where the end is known or estimated; elsewhere (a log file, continuous integration) a plain line is written every ten seconds. Colours
follow NO_COLOR, and where CI is set a terminal is taken for a log.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, TextIO

from interleave.estimate import Progress
from interleave.report.words import count_of, is_live

if TYPE_CHECKING:
    from rich.live import Live

_SECONDS_BEFORE_FIRST: Final = 2.0
_SECONDS_BETWEEN_LINES: Final = 10.0
#: Columns of the bar.
_BAR: Final = 24


def progress_text(name: str, progress: Progress) -> str:
    """Say in one line how far an exploration is."""
    made, failures = count_of(progress.executions, "execution"), count_of(progress.failures, "failure")
    parts = [f"{name}: {made}", f"{progress.rate:,.0f}/s", f"{failures} so far"]
    search = progress.left
    if search is not None and search.left:
        about = "at least" if search.is_bound else "about"
        parts.append(f"{search.share:.1%} of a proof, {about} {count_of(search.left, 'schedule')} left")
        if search.depth:
            parts.append(f"depth {search.depth:,}")
    if progress.unseen is not None:
        parts.append(f"{progress.unseen:.1%} unseen")
    left = _seconds_left(progress)
    if left is not None:
        parts.append(f"at most {_duration(left)} left")
    return ", ".join(parts)


def share_done(progress: Progress) -> float | None:
    """Return how much of an exploration is done, 0 to 1: of its budget, or of the proof if that is nearer its end; None if nobody knows."""
    shares = []
    if progress.budget.seconds is not None:
        shares.append(progress.seconds / progress.budget.seconds)
    if progress.budget.executions is not None:
        shares.append(progress.made / progress.budget.executions)
    if progress.left is not None and not progress.left.is_bound:
        shares.append(progress.left.share)
    return min(max(shares), 1.0) if shares else None


def _seconds_left(progress: Progress) -> float | None:
    """Estimate the time until the first limit of the budget is reached; None where there is none."""
    limits = []
    if progress.budget.seconds is not None:
        limits.append(progress.budget.seconds - progress.seconds)
    if progress.budget.executions is not None and progress.rate > 0:
        limits.append((progress.budget.executions - progress.made) / progress.rate)
    return max(min(limits), 0.0) if limits else None


def _duration(seconds: float) -> str:
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class ProgressDisplay:
    """Show the progress of one exploration; a context manager that is called with each `Progress`."""

    def __init__(self, name: str, out: TextIO, *, is_on: bool = True) -> None:
        self._name = name
        self._out = out
        self._is_live = is_live(out)
        self._live: Live | None = None
        self._next = _SECONDS_BEFORE_FIRST if is_on else inf

    def __enter__(self) -> ProgressDisplay:
        return self

    def __call__(self, progress: Progress) -> None:
        """Show how far the exploration is, if it is time to."""
        if progress.seconds < self._next:
            return
        text = progress_text(self._name, progress)
        if self._is_live:
            self._update(text, share_done(progress))
        else:
            self._next = progress.seconds + _SECONDS_BETWEEN_LINES
            self._out.write(f"{text}\n")
            self._out.flush()

    def _update(self, text: str, share: float | None) -> None:
        """Keep one line of the terminal up to date, without a thread of its own: the explorer has only this one."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            # What the program prints is somebody else's business (see `muffling`).
            self._live = Live(
                console=Console(file=self._out), auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start()
        line = Table.grid(padding=(0, 1))
        cells: list[ProgressBar | Text] = [Text(text, no_wrap=True, overflow="ellipsis")]
        if share is not None:
            cells.insert(0, ProgressBar(total=1.0, completed=share, width=_BAR))
        line.add_row(*cells)
        self._live.update(line, refresh=True)

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()
