"""Every step of one execution, one line each, for `replay --trace`."""

from __future__ import annotations

from typing import TextIO

from interleave.model import Trace
from interleave.report.columns import effect, named_steps, names_of
from interleave.report.source import short_path
from interleave.report.words import count_of


def write_trace(trace: Trace, out: TextIO) -> None:
    """Write each step: number, logical thread, `*` where it conflicts with another thread's, what it did, where."""
    names = names_of(trace.threads)
    name_width = max([len(names.get(step.tid, "")) for step in trace.steps], default=0)
    number_width = len(str(len(trace.steps)))
    for step in named_steps(trace):
        mark = "*" if step.is_shared else " "
        name = names.get(step.tid, f"thread {step.tid}")
        where = f"{short_path(step.where.file)}:{step.where.line} in {step.where.function}"
        out.write(f"{step.index:>{number_width}}  {name:<{name_width}} {mark} {effect(step):<40}  {where}\n")
    counts = (len(trace.steps), "step"), (trace.switches, "switch"), (trace.preemptions, "preemption")
    out.write(f"{', '.join(count_of(number, noun) for number, noun in counts)}; * conflicts with another thread\n\n")
