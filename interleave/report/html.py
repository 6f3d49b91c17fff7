"""One self-contained page: each failing execution as lanes in time, to step through with the source beside it.

The page is `page.html`, a template with its style and script in it, so that a browser needs no network. Texts are filled in by jinja2 (the
extra `html`), and what the script draws is one JSON value. Steps are rows of numbers that index tables of threads, files, texts and
places; the script draws to a canvas only what is in view, so that ten thousand steps cost what a hundred do.

    failures: threads, steps, spans, arrows, places, kinds
        step: [tid, kind, file, line, place or -1, value or -1, text, flags: 1 conflicts, 2 explains the failure]
        span: [0 held / 1 blocked, tid, what, start, end]
        arrow: [0 conflict / 1 wake-up, from, to]
    files: name, path, and the lines by number, those around a step only
    texts: every string that steps and spans point to
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from math import cos, pi, sin
from typing import Any, Final, TextIO
from xml.sax.saxutils import escape

from jinja2 import Environment

from interleave.model import Frame
from interleave.report.columns import effect, named_steps
from interleave.report.explanation import Explanation, explain
from interleave.report.gil import gil_line
from interleave.report.graph import graph_of
from interleave.report.races import race_lines
from interleave.report.source import short_path, source_lines
from interleave.report.spans import arrows_of, spans_of
from interleave.report.statistics import statistics_lines
from interleave.report.words import count_of
from interleave.result import Failure, Result

#: Source lines shown around a step.
_AROUND: Final = 40


def write(results: Sequence[Result], out: TextIO) -> None:
    """Write the run as one page."""
    tables = _Tables()
    failures = [(failure, explain(failure)) for result in results for failure in result.failures]
    data = {"failures": [tables.failure(*one) for one in failures], "files": tables.files(), "texts": list(tables.texts)}
    environment = Environment(autoescape=True)
    environment.globals.update(gil_line=gil_line, lines_of=_lines_of, signature_of=_signature_of, svg_of=svg_of)
    environment.filters["count"] = count_of
    template = environment.from_string(files("interleave.report").joinpath("page.html").read_text(encoding="utf-8"))
    # Inside a script element only this sign could end it.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    out.write(template.render(results=results, failures=failures, data=text))
    out.write("\n")


def _lines_of(result: Result) -> list[str]:
    return [*statistics_lines(result), *race_lines(result.races), *result.uncontrolled]


def _signature_of(failure: Failure) -> str:
    return " ".join(short_path(word) for part in failure.outcome.signature for word in part.split(" "))


class _Tables:
    """Collects what the rows of all failures point to."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self._files: dict[str, int] = {}
        self._lines: dict[str, set[int]] = {}

    def failure(self, failure: Failure, explanation: Explanation) -> dict[str, Any]:
        """Return one failing execution as rows."""
        steps, names, culprit = named_steps(failure.trace), explanation.names, explanation.culprit
        marked = set(culprit.positions) if culprit is not None else set()
        rows = [
            [
                step.tid,
                self._text(step.kind),
                *self._place(step.where),
                self._text(step.place) if step.place else -1,
                self._text(step.value) if step.value else -1,
                self._text(effect(step)),
                step.is_shared + 2 * (step.index in marked),
            ]
            for step in steps
        ]
        spans = [[int(span.kind == "blocked"), span.tid, self._text(span.what), span.start, span.end] for span in spans_of(failure)]
        arrows = [[int(one.kind == "wake-up"), one.source, one.target] for one in arrows_of(failure, culprit)]
        return {"threads": [names.get(tid, "") for tid in range(len(names))], "steps": rows, "spans": spans, "arrows": arrows}

    def files(self) -> list[dict[str, Any]]:
        """Return the files with the lines around all steps in them."""
        found = []
        for file in self._files:
            lines = source_lines(file)
            shown = {near for line in self._lines[file] for near in range(max(line - _AROUND, 1), min(line + _AROUND, len(lines)) + 1)}
            found.append({"name": short_path(file), "lines": {line: lines[line - 1].rstrip("\n") for line in sorted(shown)}})
        return found

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def _place(self, where: Frame) -> tuple[int, int]:
        self._lines.setdefault(where.file, set()).add(where.line)
        return self._files.setdefault(where.file, len(self._files)), where.line


def svg_of(failure: Failure) -> str:
    """Draw the wait-for graph, nodes on a circle; empty if nobody waited."""
    graph = graph_of(failure.outcome)
    if not graph.nodes:
        return ""
    across, up = 230.0, 30.0 + 28 * len(graph.nodes)
    at, halves = {}, {name: 8 + 3.9 * len(text) for name, text in graph.nodes.items()}
    for number, name in enumerate(graph.nodes):
        angle = 2 * pi * number / len(graph.nodes) - pi / 2
        at[name] = (across * cos(angle), up * sin(angle))
    # As large as what is in it, with room for the bend of edges.
    left, top = min(x - halves[name] for name, (x, _) in at.items()) - 10, min(y for _, y in at.values()) - 50
    width, height = max(x + halves[name] for name, (x, _) in at.items()) + 10 - left, max(y for _, y in at.values()) + 50 - top
    box = f'width="{width:.0f}" height="{height:.0f}" viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}"'
    parts = [f'<svg class="graph" {box} role="img" aria-label="wait-for graph">']
    # Over all edges.
    labels = []
    for edge in graph.edges:
        (x1, y1), (x2, y2) = at[edge.source], at[edge.target]
        length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1)
        # Bent to one side, so that two edges between two nodes are apart; ending at the border of the box.
        middle = (x1 + x2) / 2 - (y2 - y1) / length * 40, (y1 + y2) / 2 + (x2 - x1) / length * 40
        end = y2 + (20 if middle[1] > y2 else -20)
        kind = "cycle" if edge.is_cycle else "edge"
        parts.append(f'<path class="{kind}" d="M{x1:.0f} {y1:.0f}Q{middle[0]:.0f} {middle[1]:.0f} {x2:.0f} {end:.0f}"/>')
        label = (x1 + 2 * middle[0] + x2) / 4, (y1 + 2 * middle[1] + end) / 4
        labels.append(
            f'<text class="label" x="{label[0]:.0f}" y="{label[1] + (12 if middle[1] > y2 else -4):.0f}">{escape(edge.label)}</text>'
        )
    parts += labels
    for name, text in graph.nodes.items():
        x, y = at[name]
        half = halves[name]
        parts.append(f'<rect x="{x - half:.0f}" y="{y - 18:.0f}" width="{2 * half:.0f}" height="36" rx="6"/>')
        parts.append(f'<text x="{x:.0f}" y="{y + 4:.0f}">{escape(text)}</text>')
    return "".join([*parts, "</svg>"])
