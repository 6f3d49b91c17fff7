"""Text made from results: for eyes, for machines.

Results are values and know nothing of their presentation; it is made here, at the edge. `render` gives the report of
one failure. A `Reporter` writes the results of a whole run in one format. To add a format, write a module with a class
that has the two methods, and add its row to `REPORTERS`.

    source     paths and source lines as a reader wants to see them
    story      what happened, in one sentence
    fixes      what would mend it, where the pattern is known
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
from typing import Final, Protocol, TextIO, cast

from interleave.model import Failure, Result

#: Format name to "module:class"; modules are imported when their format is asked for.
REPORTERS: Final = {
    "text": "interleave.report.text:TextReporter",
    "json": "interleave.report.machine:JsonReporter",
    "junit": "interleave.report.junit:JunitReporter",
    "sarif": "interleave.report.sarif:SarifReporter",
    "chrome-trace": "interleave.report.chrome:ChromeTraceReporter",
    "mermaid": "interleave.report.graph:MermaidReporter",
    "dot": "interleave.report.graph:DotReporter",
    "html": "interleave.report.html:HtmlReporter",
}
#: Those that the command line writes to files, each by an option of its name, with the help of that.
FILES: Final = {
    "html": "Write a page to step through the failing executions too",
    "json": "Write JSON too",
    "junit": "Write JUnit XML too, for continuous integration",
    "sarif": "Write SARIF too, for code scanning",
    "chrome-trace": "Write the failing executions as trace events too, for Perfetto",
    "mermaid": "Write the wait-for graphs as Mermaid too",
    "dot": "Write the wait-for graphs as DOT too, for Graphviz",
}


class Reporter(Protocol):
    """What writes the results of a run in one format: `add` as each scenario ends, `finish` once after the last."""

    def add(self, result: Result, out: TextIO) -> None: ...

    def finish(self, results: Sequence[Result], out: TextIO) -> None: ...


def reporter(name: str, **options: bool) -> Reporter:
    """Make the reporter of a format named in `REPORTERS`, with options of its own."""
    module, _, attribute = REPORTERS[name].partition(":")
    return cast(Reporter, getattr(import_module(module), attribute)(**options))


def render(failure: Failure, *, width: int | None = None, color: bool = False) -> str:
    """Return the report of one failure as text, `width` columns wide (None: as wide as the terminal)."""
    from interleave.report.text import render

    return render(failure, width=width, color=color)
