"""Text made from results: for eyes, for machines.

Results are values and know nothing of their presentation; it is made here, at the edge. `text.render` gives the report of
one failure, `write` writes the results of a whole run in one format. To add a format, write a module with a function that takes the
results and an open file, and add its row to `FORMATS`.

    source     paths and source lines as a reader wants to see them
    story      what happened, in one sentence
    fixes      what would mend it, where the pattern is known
    explanation  both, with the accesses that they are made from
    columns    the interleaving: which steps are worth showing, one column per logical thread
    races      races, and the accesses that make one
    waits      who waits for whom, at the end of an execution that did not finish
    text       the report of one failure and the summary of a run
    machine    JSON, documented and versioned
    junit      JUnit XML, for continuous integration
    sarif      SARIF, for code scanning
    chrome     trace events, for Perfetto
    graph      the wait-for graph as Mermaid and as DOT
    html       one page for the browser, made from page.html
    statistics what was explored
    words      numbers with their nouns; what a terminal may be shown
    spans      what lasts longer than a step, for timelines
    progress   what is shown while an exploration runs
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final, TextIO

from interleave.result import Result

#: By name of a format, which is an option of the command line too: "module:function" of what writes the results of a run in it, and the
#: help of the option. Modules are imported when their format is asked for.
FORMATS: Final = {
    "html": ("html:write", "Write a page to step through the failing executions too"),
    "json": ("machine:write", "Write JSON too"),
    "junit": ("junit:write", "Write JUnit XML too, for continuous integration"),
    "sarif": ("sarif:write", "Write SARIF too, for code scanning"),
    "chrome-trace": ("chrome:write", "Write the failing executions as trace events too, for Perfetto"),
    "mermaid": ("graph:write_mermaid", "Write the wait-for graphs as Mermaid too"),
    "dot": ("graph:write_dot", "Write the wait-for graphs as DOT too, for Graphviz"),
}


def write(name: str, results: Sequence[Result], out: TextIO) -> None:
    """Write the results of a run in one of the `FORMATS`."""
    module, _, function = FORMATS[name][0].partition(":")
    getattr(import_module(f"{__name__}.{module}"), function)(results, out)
