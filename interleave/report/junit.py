"""JUnit XML, for the test views of continuous integration: one suite a module, one case a scenario.

The dialect is the common one of Jenkins and GitLab: `testsuites`, `testsuite`, `testcase` with `failure`, `skipped` and `system-out`. The
text of a failure is the whole report. A scenario that was interrupted counts as skipped; what was not controlled goes to `system-err`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TextIO
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from interleave.report.text import render
from interleave.report.words import count_of
from interleave.result import Result

#: What XML 1.0 cannot say, as characters of a report may come from the program.
_FORBIDDEN = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\N{REPLACEMENT CHARACTER}")


def write(results: Sequence[Result], out: TextIO) -> None:
    """Write the run as one XML document."""
    root = Element("testsuites", {"name": "interleave"} | _counts(results))
    for module, own in groupby(results, key=lambda result: result.scenario.rpartition(":")[0]):
        cases = list(own)
        suite = SubElement(root, "testsuite", {"name": module or "interleave", "errors": "0"} | _counts(cases))
        for result in cases:
            _add_case(suite, module, result)
    indent(root)
    out.write('<?xml version="1.0" encoding="utf-8"?>\n')
    ElementTree(root).write(out, encoding="unicode")
    out.write("\n")


def _counts(results: Sequence[Result]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(result.verdict == "failed" for result in results)),
        "skipped": str(sum(_is_skipped(result) for result in results)),
        "time": f"{sum(result.statistics.seconds for result in results):.3f}",
    }


def _is_skipped(result: Result) -> bool:
    return result.stopped_by == "interrupt" and not result.failures


def _add_case(suite: Element, module: str, result: Result) -> None:
    name, seconds = result.scenario.rpartition(":")[2], f"{result.statistics.seconds:.3f}"
    case = SubElement(suite, "testcase", classname=module or "interleave", name=name, time=seconds)
    if result.failures:
        # Readers of the format expect one failure a case.
        first = (result.failures[0].message.splitlines() or [""])[0]
        failure = SubElement(case, "failure", type=result.failures[0].kind, message=first.translate(_FORBIDDEN))
        failure.text = "\n".join(render(one, width=100) for one in result.failures).translate(_FORBIDDEN)
    elif _is_skipped(result):
        SubElement(case, "skipped", message="interrupted")
    SubElement(case, "system-out").text = f"{result.verdict}: {count_of(result.executions, 'execution')} with {result.strategy}"
    if result.uncontrolled:
        SubElement(case, "system-err").text = "\n".join(result.uncontrolled).translate(_FORBIDDEN)
