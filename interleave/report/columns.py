"""The interleaving: one column per logical thread, one row per turn.

A *turn* is what one logical thread does before another goes on. Of its steps those are shown that matter: accesses that
conflict with another thread's, and everything done to locks, queues and other primitives, but for what the standard library does to its
own, inside a thread pool for instance. Steps of one source line are folded under it. A loop is shown once, with the number of its rounds.
Where it is known which accesses explain the failure, they are marked with `>`, of a long turn only the lines are shown that touch the
same object or synchronise, and of many turns those near them. What is still long keeps its beginning and its end. `replay --trace` prints
everything. The last turns of a deadlock say what threads wait for in the end.

Where there are more threads than columns that can be read, each turn is a row of a list instead, with the thread's name.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeVar

from interleave.detectors.culprit import Culprit, base_of
from interleave.detectors.deadlock import roots_of
from interleave.model import Frame, Outcome, Step, ThreadInfo, Trace
from interleave.report.source import shortest_names, source_line
from interleave.report.waits import cycle_of
from interleave.result import Failure

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

T = TypeVar("T")

#: A column narrower than this cannot hold a source line.
_NARROWEST: Final = 24
#: Characters of border and padding that come with a column.
_BORDER: Final = 3
_INDENT: Final = "  "
#: Lines of a turn, and turns of an interleaving, kept at the beginning and at the end.
_LINES_KEPT: Final = (6, 6)
_TURNS_KEPT: Final = (10, 30)
#: So many turns are all shown; of more, where it is known what explains the failure, those near that.
_TURNS_SHOWN_WHOLE: Final = 12
#: A turn of so many lines is shown with all of them; and the most lines, or steps of one line, of a loop that is recognised.
_LINES_SHOWN_WHOLE: Final = 5
_LONGEST_LOOP: Final = 12
#: What comes fewer times is shown each time.
_FEWEST_ROUNDS: Final = 3

#: What a thread does in one step, completed by the place. Kinds that are not listed are their own verb.
_VERBS: Final = {
    "read": "reads", "write": "writes", "acquire": "takes", "release": "releases", "try": "tries", "wait": "waits for",
    "wake": "wakes up from", "notify": "notifies", "set": "sets", "clear": "clears", "put": "puts into", "get": "gets from",
    "done": "marks done", "cancel": "cancels", "spawn": "starts", "join": "joins", "begin": "begins", "exit": "ends", "sleep": "sleeps",
    "time": "reads the time", "yield": "yields", "choose": "chooses", "dereference": "looks whether it lives",
}  # fmt: skip
#: Shown only where they conflict.
_QUIET: Final = frozenset({"read", "write", "time", "begin", "exit", "yield"})
#: Never shown: that a task goes on is what a turn says.
_LOOP: Final = frozenset({"step", "count", "callback", "timer", "fire", "resume", "suspend", "run"})
#: What the standard library does to primitives of its own is left out: to locks always, to others where it is known what to look at.
_ON_LOCKS: Final = frozenset({"acquire", "release", "try"})
#: Modules whose primitives belong to whoever calls them.
_OF_CALLERS: Final = ("threading.py", "queue.py")
#: Kinds of operations on another thread.
_ON_THREADS: Final = ("spawn", "join")


@dataclass(frozen=True, slots=True)
class Line:
    """What one logical thread did at one source line without leaving it."""

    where: Frame
    effects: tuple[str, ...]
    #: Whether the line has an access that explains the failure, and whether it touches the same object or synchronises.
    is_marked: bool = False
    is_relevant: bool = True
    #: Lines of the loop that this one ends, and how often it went round.
    period: int = 0
    rounds: int = 1


@dataclass(frozen=True, slots=True)
class Turn:
    """What one logical thread did before another went on. `skipped` counts lines left out after `first` lines."""

    tid: int
    lines: tuple[Line, ...]
    first: int = 0
    skipped: int = 0


def is_shown(step: Step) -> bool:
    """Tell whether a step helps to understand the interleaving."""
    return step.kind not in _LOOP and (step.is_shared or step.kind not in _QUIET)


def _is_inner(step: Step) -> bool:
    """Tell whether a step is the standard library's own: on a primitive that the program never saw, called from within it."""
    if step.kind in (*_ON_THREADS, "read", "write") or "'" in step.place or not step.stack or step.stack[-1].is_user:
        return False
    is_called_by_user = len(step.stack) > 1 and step.stack[-2].is_user
    return not (is_called_by_user and os.path.basename(step.stack[-1].file) in _OF_CALLERS)


def effect(step: Step) -> str:
    """Say in a few words what a step did: `reads Account.balance = 5`."""
    if step.kind == "choose":
        return f"chooses number {step.value}"
    words = " ".join(part for part in (_VERBS.get(step.kind, step.kind), step.place) if part)
    return f"{words} = {step.value}" if step.value else words


def named_steps(trace: Trace) -> list[Step]:
    """Return the steps of a trace, with the name of the other thread as the place of those that start or join one."""
    names = names_of(trace.threads)
    steps = []
    # In order: there may be more steps than events, as what a task does in one step is one event.
    targets = iter([operation.target for _, operation in trace.events if operation.kind in _ON_THREADS])
    for step in trace.steps:
        target = next(targets, -1) if step.kind in _ON_THREADS else -1
        is_named = bool(step.place) or target not in names
        steps.append(step if is_named else replace(step, place=names[target]))
    return steps


@dataclass(frozen=True, slots=True)
class Focus:
    """What a reader should look at: the steps that explain a failure, by number, and the objects that they touch."""

    positions: frozenset[int] = frozenset()
    places: frozenset[str] = frozenset()


def focus_of(failure: Failure, culprit: Culprit | None) -> Focus:
    """Return what explains a failure; nothing in particular where that is not known."""
    if culprit is None or not culprit.positions:
        return Focus()
    places = {base_of(step.place) for step in failure.trace.steps if step.index in culprit.positions}
    return Focus(frozenset(culprit.positions), frozenset(places))


def turns_of(steps: Iterable[Step], focus: Focus | None = None) -> list[Turn]:
    """Fold the steps worth showing into lines, lines into loops, and both into turns."""
    focus = focus or Focus()
    turns = []
    shown = [step for step in steps if is_shown(step) and not (_is_inner(step) and (focus.positions or step.kind in _ON_LOCKS))]
    for tid, own in groupby(shown, key=lambda step: step.tid):
        lines = [line for where, at_line in groupby(own, key=lambda step: step.where) for line in _lines(where, list(at_line), focus)]
        lines = _joined(_loops_folded(lines))
        if focus.positions and len(lines) > _LINES_SHOWN_WHOLE:
            lines = _joined(line for line in lines if line.is_relevant)
        if lines:
            turns.append(_shortened(Turn(tid, tuple(lines))))
    return turns


def blocked_turns(outcome: Outcome, turns: Sequence[Turn]) -> list[Turn]:
    """Make the last turns of a deadlock: what those who wait for each other, or for what nobody will do, wait for in the end."""
    last = {turn.tid: turn.lines[-1].effects[-1] for turn in turns}
    found = []
    for one in cycle_of(outcome) or roots_of(outcome.blocked):
        words = f"waits for {one.resource}"
        if not last.get(one.tid, "").endswith(words):
            found.append(Turn(one.tid, (Line(one.where, (f"> {words} for ever",), is_marked=True),)))
    return found


def _line(where: Frame, steps: Sequence[Step], focus: Focus) -> Line:
    is_relevant = any(step.kind not in _QUIET or base_of(step.place) in focus.places for step in steps)
    is_marked = any(step.index in focus.positions for step in steps)
    effects = _counted(f"> {effect(step)}" if step.index in focus.positions else effect(step) for step in steps)
    return Line(where, tuple(effects), is_marked, is_relevant)


def _joined(lines: Iterable[Line]) -> list[Line]:
    """Make one of neighbours that are the same source line, now that what came in between is left out."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if last is not None and last.where == line.where and last.rounds == line.rounds == 1:
            joined[-1] = replace(last, effects=last.effects + line.effects, is_marked=last.is_marked or line.is_marked)
        else:
            joined.append(line)
    return joined


def _lines(where: Frame, steps: Sequence[Step], focus: Focus) -> Iterator[Line]:
    """Fold what one source line does again and again, with other values each time."""
    texts = [effect(step) for step in steps]
    plain: list[Step] = []

    def is_same(one: Step, other: Step) -> bool:
        return one.kind == other.kind and one.place == other.place and not {one.index, other.index} & focus.positions

    for start, period, rounds in _repeats(steps, is_same):
        end = start + rounds * period
        if rounds == 1 or len(set(texts[start:end])) == 1:
            plain += steps[start:end]
            continue
        if plain:
            yield _line(where, plain, focus)
            plain = []
        yield replace(_line(where, steps[end - period : end], focus), period=1, rounds=rounds)
    if plain:
        yield _line(where, plain, focus)


def _loops_folded(lines: list[Line]) -> list[Line]:
    """Keep one round of lines that are repeated at once, with the number of rounds; values may differ."""
    folded: list[Line] = []
    for start, period, rounds in _repeats(lines, lambda one, other: one.where == other.where and not (one.is_marked or other.is_marked)):
        once = lines[start + (rounds - 1) * period : start + rounds * period]
        folded += once if rounds == 1 else [*once[:-1], replace(once[-1], period=period, rounds=rounds)]
    return folded


def _repeats(items: Sequence[T], is_same: Callable[[T, T], bool]) -> Iterator[tuple[int, int, int]]:
    """Part a sequence into what is repeated at once and single items: where each part begins, how long it is, and how often it comes."""
    start = 0
    while start < len(items):
        for period in range(1, min(_LONGEST_LOOP, (len(items) - start) // _FEWEST_ROUNDS) + 1):
            end = start + period
            while end < len(items) and is_same(items[end - period], items[end]):
                end += 1
            rounds = (end - start) // period
            if rounds >= _FEWEST_ROUNDS:
                yield start, period, rounds
                start += rounds * period
                break
        else:
            yield start, 1, 1
            start += 1


def _counted(effects: Iterable[str]) -> Iterator[str]:
    """Replace equal neighbours by one with their number."""
    for text, equal in groupby(effects):
        number = len(list(equal))
        yield text if number == 1 else f"{text} ({number} times)"


def _shortened(turn: Turn) -> Turn:
    head, tail = _LINES_KEPT
    skipped = len(turn.lines) - head - tail
    if skipped <= 1:
        return turn
    return Turn(turn.tid, turn.lines[:head] + turn.lines[-tail:], head, skipped)


def table_of(turns: Sequence[Turn], threads: Sequence[ThreadInfo], *, width: int) -> Table:
    """Lay out turns as a table at most `width` columns wide."""
    from rich.text import Text

    shown = sorted({turn.tid for turn in turns})
    names = names_of(threads)
    files = shortest_names(line.where.file for turn in turns for line in turn.lines)
    number_width = len(str(len(turns)))
    widths = _column_widths(
        [_longest(names[tid], (turn for turn in turns if turn.tid == tid), files) for tid in shown], width - number_width
    )
    if widths is not None:
        table = _empty_table(["", *(names[tid] for tid in shown)], [number_width, *widths])
    else:
        name_width = min(max(len(names[tid]) for tid in shown), 20)
        table = _empty_table(["", "thread", "steps"], [number_width, name_width, width - number_width - name_width - 2 * _BORDER])
    left_out = _left_out(turns)
    for number, turn in enumerate(turns):
        if number in left_out:
            if number - 1 not in left_out:
                length = next(count for count in range(1, len(turns)) if number + count not in left_out)
                note = Text(f"... {length} turns left out ...", style="dim")
                table.add_row("", *([note] if widths is not None else ["", note]))
            continue
        cells = [Text(str(number + 1), style="dim")]
        if widths is not None:
            cells += [_cell(turn, files, its_width) if tid == turn.tid else Text() for tid, its_width in zip(shown, widths, strict=True)]
        else:
            cells += [Text(names[turn.tid], style="bold"), _cell(turn, files, width)]
        table.add_row(*cells)
    return table


def _longest(name: str, turns: Iterable[Turn], files: Mapping[str, str]) -> int:
    """Return the length of the longest line that a column would hold if there were room for it."""
    lengths = [len(name)]
    for turn in turns:
        for line in turn.lines:
            lengths.append(len(_place(line, files)))
            lengths.append(len(source_line(line.where.file, line.where.line)))
            lengths += [len(words) + len(_INDENT) for words in line.effects]
    return max(lengths)


def _column_widths(wanted: Sequence[int], available: int) -> list[int] | None:
    """Give columns that want little what they want and share the rest evenly, or return None if that is too narrow to read."""
    room = available - _BORDER * len(wanted)
    widths = list(wanted)
    # The smallest first: what each leaves of its share goes to the others.
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    for position, index in enumerate(order):
        share = room // (len(order) - position)
        if share < min(wanted[index], _NARROWEST):
            return None
        widths[index] = min(wanted[index], share)
        room -= widths[index]
    return widths


def _left_out(turns: Sequence[Turn]) -> set[int]:
    """Return the numbers of those turns of a long interleaving that are left out, some in a row each time."""
    head, tail = _TURNS_KEPT
    marked = {number for number, turn in enumerate(turns) if any(line.is_marked for line in turn.lines)}
    if marked and len(turns) > _TURNS_SHOWN_WHOLE:
        # What explains the failure is shown, with what came just before and after, and how it began and ended.
        kept = {number + near for number in marked for near in (-1, 0, 1)} | {0, len(turns) - 1}
    elif len(turns) > head + tail + 1:
        kept = {*range(head), *range(len(turns) - tail, len(turns))}
    else:
        return set()
    rest = set(range(len(turns))) - kept
    return {number for number in rest if {number - 1, number + 1} & rest}


def names_of(threads: Sequence[ThreadInfo]) -> dict[int, str]:
    """Return the name of each logical thread by tid, made unique by the tid where two share one."""
    count = Counter(thread.name for thread in threads)
    return {thread.tid: thread.name if count[thread.name] == 1 else f"{thread.name} #{thread.tid}" for thread in threads}


def _empty_table(headers: Sequence[str], widths: Sequence[int]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SQUARE, show_lines=True, show_edge=False, pad_edge=False, header_style="bold", border_style="dim")
    for header, width in zip(headers, widths, strict=True):
        table.add_column(header, width=width, overflow="fold")
    return table


def _cell(turn: Turn, files: Mapping[str, str], width: int) -> Text:
    """Write the lines of one turn: where (with the function, if it is another and there is room), the source, what it did."""
    from rich.text import Text

    text = Text()
    function = ""
    for number, line in enumerate(turn.lines):
        if number:
            text.append("\n")
        if turn.skipped and number == turn.first:
            text.append(f"... {turn.skipped} lines left out ...\n", style="dim")
        place = _place(line, files)
        text.append(place, style="cyan")
        if line.where.function != function and len(place) + 4 + len(line.where.function) <= width:
            text.append(f" in {line.where.function}", style="dim")
        function = line.where.function
        source = source_line(line.where.file, line.where.line)
        if source:
            text.append(f"\n{source}", style="bold")
        for words in line.effects:
            mark = words.startswith("> ")
            text.append(f"\n{words if mark else _INDENT + words}", style="bold yellow" if mark else "yellow")
        if line.rounds > 1:
            what = "line" if line.period == 1 else f"{line.period} lines"
            text.append(f"\n... this {what} {line.rounds:,} times ...", style="dim")
    return text


def _place(line: Line, files: Mapping[str, str]) -> str:
    return f"{files[line.where.file]}:{line.where.line}"
