"""The report of one failure, and the summary of a run, as text.

A report answers, in the order in which a reader asks: what went wrong, in which order of steps, on which objects, who waits
for whom, where in the code, and how to see it again. It is laid out for a given width and can be read without colour.
"""

from __future__ import annotations

import io
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from interleave.detectors.culprit import failing_tid
from interleave.model import Step
from interleave.report.columns import blocked_turns, focus_of, is_shown, named_steps, table_of, turns_of
from interleave.report.explanation import Explanation, explain
from interleave.report.gil import gil_line
from interleave.report.races import access_lines, result_lines
from interleave.report.source import located_source
from interleave.report.statistics import statistics_lines
from interleave.report.story import held_lines
from interleave.report.waits import blocked_lines, cycle_text
from interleave.report.words import count_of, listed, wants_color
from interleave.result import Failure, Result

if TYPE_CHECKING:
    from rich.console import Console

_NARROWEST: Final = 60
_WIDEST: Final = 140
_FIX: Final = "Likely fix"
#: Objects listed; an interleaving that touches more of them is not explained by a list.
_MOST_OBJECTS: Final = 12
#: Characters of a message in the list of scenarios.
_LONGEST_IN_LIST: Final = 80


def render(failure: Failure, *, width: int | None = None, color: bool = False) -> str:
    """Return the report of one failure as text, `width` columns wide (None: as wide as the terminal)."""
    from rich.text import Text

    console = _console(width, color)
    explanation = explain(failure)
    _print_head(console, failure, explanation)
    turns = turns_of(named_steps(failure.trace), focus_of(failure, explanation.culprit))
    turns += blocked_turns(failure.outcome, turns)
    if turns:
        console.print(table_of(turns, failure.trace.threads, width=console.width - 2))
        console.print()
    for title, lines in _sections(failure, explanation):
        console.print(Text(title, style="bold"))
        if title == _FIX:
            lines = textwrap.wrap(lines[0], console.width - 2, break_on_hyphens=False)
        for line in lines:
            # Long lines are left to the terminal to wrap: paths, seeds and commands are for copying.
            console.print(Text(f"  {line}" if line else ""), soft_wrap=True)
        console.print()
    return _text_of(console)


def _console(width: int | None, color: bool) -> Console:
    from rich.console import Console

    if width is None:
        width = shutil.get_terminal_size((100, 24)).columns
    return Console(
        file=io.StringIO(), width=min(max(width, _NARROWEST), _WIDEST), force_terminal=color, no_color=not color,
        color_system="standard" if color else None, highlight=False, markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip


def _text_of(console: Console) -> str:
    """Return what was printed, without the spaces that tables put at the ends of lines."""
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().split("\n")) + "\n"


def _print_head(console: Console, failure: Failure, explanation: Explanation) -> None:
    """Print what went wrong, what happened, and what the interleaving below it is."""
    from rich.text import Text

    first, *rest = failure.message.splitlines() or [""]
    console.print(Text(f"FAILED {failure.scenario}: {failure.kind}: {first}", style="bold red"), soft_wrap=True)
    for line in rest:
        console.print(Text(f"    {line}"), soft_wrap=True)
    outcome = failure.outcome
    if outcome.where is not None and not outcome.blocked:
        who = explanation.names.get(failing_tid(failure.trace, outcome), "the scenario")
        console.print(Text(f"  in {who} at {located_source(outcome.where)}"), soft_wrap=True)
    console.print()
    if explanation.story:
        console.print(Text(explanation.story, style="bold"))
        console.print()
    if line := gil_line(failure):
        console.print(Text(line), soft_wrap=True)
        console.print()
    often = f", met in {failure.count:,}" if failure.count > 1 else ""
    found = f"Found after {count_of(failure.executions, 'execution')}{often}"
    if failure.trace.steps:
        size = f"{count_of(failure.preemptions, 'preemption')}, {count_of(failure.trace.moments, 'step')}"
        console.print(Text(f"{found}. The simplest interleaving that shows it ({size}), time running down:"), soft_wrap=True)
    else:
        console.print(Text(f"{found}."))
    console.print()


def _sections(failure: Failure, explanation: Explanation) -> Iterator[tuple[str, list[str]]]:
    """Make the titled lists of lines that follow the interleaving."""
    outcome, names, culprit = failure.outcome, explanation.names, explanation.culprit
    race = outcome.race
    sections: list[tuple[str, Iterable[str]]] = [
        (_FIX, [explanation.fix]),
        ("Race", access_lines(race.accesses, [race.place] * len(race.accesses)) if race is not None else ()),
        ("Accesses and locks held", held_lines(culprit) if culprit is not None and race is None else ()),
        ("Objects involved", _object_lines(failure.trace.steps, names)),
        ("Wait-for graph", [cycle_text(outcome, names)]),
        ("Blocked at the end", blocked_lines(outcome, names)),
        (f"Traceback of {names[outcome.tid]}" if outcome.tid in names else "Traceback", outcome.traceback.rstrip().splitlines()),
        ("Not controlled", failure.trace.uncontrolled),
        ("Seed", [failure.seed]),
        ("Replay", [failure.replay_command]),
    ]
    return ((title, lines) for title, several in sections if any(lines := list(several)))


def _object_lines(steps: Sequence[Step], names: Mapping[int, str]) -> Iterator[str]:
    """Say of each place that more than one logical thread touched who reads, writes and uses it."""
    users: dict[str, dict[str, dict[int, None]]] = {}
    for step in steps:
        if step.place and step.is_shared and is_shown(step):
            verb = {"read": "read by", "write": "written by"}.get(step.kind, "used by")
            users.setdefault(step.place, {}).setdefault(verb, {})[step.tid] = None
    width = max(map(len, users), default=0)
    for number, (place, by_verb) in enumerate(users.items()):
        if number == _MOST_OBJECTS:
            yield f"... and {len(users) - number} more"
            return
        who = [f"{verb} {_listed(tids, names)}" for verb, tids in sorted(by_verb.items(), reverse=True)]
        yield f"{place:<{width}}  {'; '.join(who)}"


def _listed(tids: Mapping[int, None], names: Mapping[int, str]) -> str:
    """Name up to four logical threads."""
    return listed([names.get(tid, f"thread {tid}") for tid in tids], 4)


class TextReporter:
    """Write one line for each scenario as it ends, then the report of every failure, then the count.

    With `is_quiet` the reports only, with `is_verbose` all that is known of what was explored, of scenarios that fail too.
    """

    def __init__(self, *, is_quiet: bool = False, is_verbose: bool = False) -> None:
        self._module = ""
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose

    def add(self, result: Result, out: TextIO) -> None:
        """Write the line of one scenario, under the name of its module."""
        if self._is_quiet:
            return
        module, _, name = result.scenario.rpartition(":")
        if module and module != self._module:
            out.write(f"{module}\n")
            self._module = module
        out.write(f"  {_verdict_word(result):<12}  {name:<32}  {_verdict_text(result)}\n")
        for sentence in result.uncontrolled:
            out.write(f"  {'':<12}  not controlled: {sentence}\n")
        for line in result_lines(result):
            out.write(f"  {'':<12}  {line}\n")
        for line in statistics_lines(result, in_full=self._is_verbose) if self._is_verbose or not result.failures else ():
            out.write(f"  {'':<12}  explored: {line}\n")
        out.flush()

    def finish(self, results: Sequence[Result], out: TextIO) -> None:
        """Write the reports and the count."""
        color = wants_color(out)
        for result in results:
            for failure in result.failures:
                out.write(f"\n{render(failure, color=color)}")
                if self._is_verbose:
                    picks = ", ".join(f"{pick} at {moment}" for moment, pick in failure.schedule.deviations)
                    out.write(f"\nChoices other than the default, of threads and values\n  {picks or 'none'}\n")
        if not self._is_quiet:
            out.write(f"\n{_totals(results)}\n")


def _verdict_word(result: Result) -> str:
    if result.verdict == "failed":
        return "FAILED"
    if result.stopped_by == "interrupt":
        return "interrupted"
    return "inconclusive" if result.verdict == "inconclusive" else "passed"


def _shortened(text: str) -> str:
    """Cut what is too long for one line of a list; the report has it whole."""
    return text if len(text) <= _LONGEST_IN_LIST else f"{text[:_LONGEST_IN_LIST].rstrip()}..."


def _verdict_text(result: Result) -> str:
    """Say in one line what is known of a scenario after its exploration."""
    if result.failure is not None:
        failure = result.failure
        first = _shortened((failure.message.splitlines() or [""])[0])
        more = f", and {len(result.failures) - 1} more" if len(result.failures) > 1 else ""
        found = "with a seed kept from before" if result.strategy == "replay" else f"after {count_of(failure.executions, 'execution')}"
        return f"{failure.kind}: {first}{more}   {found}"
    if result.verdict == "proven":
        scope = f": proven for {result.scope}" if result.scope else ""
        schedules = "the only schedule" if result.executions == 1 else f"all {result.executions:,} schedules"
        return f"{schedules}{scope}"
    if result.stopped_by == "interrupt":
        return f"stopped by Ctrl-C; nothing failed in {count_of(result.executions, 'schedule')}"
    how = f"{result.executions:,} sampled with {result.strategy}"
    if result.stopped_by == "saturated":
        return f"{how} until saturated"
    is_short = result.unseen is not None and result.stopped_by in ("executions", "seconds")
    return f"{how}, not saturated within the limit of {result.stopped_by}" if is_short else how


def _totals(results: Sequence[Result]) -> str:
    """Count the verdicts of a run."""
    words = Counter(_verdict_word(result).lower() for result in results)
    counts = ", ".join(f"{number} {word}" for word, number in words.items())
    seconds = sum(result.statistics.seconds for result in results)
    executions = sum(result.executions for result in results)
    return f"{count_of(len(results), 'scenario')}: {counts}; {count_of(executions, 'execution')} in {seconds:.1f} s"
