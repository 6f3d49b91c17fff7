"""The wait-for graph of every failure in which threads wait: as Mermaid, for Markdown, and as DOT, for Graphviz.

A node is a logical thread with the line at which it waits, an edge leads from it to who could release it, with the resource. Edges of a
cycle are drawn bold. Where nobody could, the edge leads to a node that says what is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO

from interleave.model import Blocked, Outcome
from interleave.report.story import at
from interleave.result import Result


class Edge(NamedTuple):
    """From who waits to who could release; `is_cycle` if both are on the cycle of a deadlock."""

    source: str
    target: str
    label: str
    is_cycle: bool


class Graph(NamedTuple):
    """Nodes by name, each with its text, and edges between them."""

    nodes: dict[str, str]
    edges: list[Edge]


def graph_of(outcome: Outcome) -> Graph:
    """Return the wait-for graph at the end of an execution, empty if nobody waited."""
    nodes: dict[str, str] = {}
    edges: list[Edge] = []
    names = {one.tid: one.thread for one in outcome.blocked}
    for one in outcome.blocked:
        nodes[f"t{one.tid}"] = f"{one.thread} at {at(one.where)}" if one.where.line else one.thread
    for one in outcome.blocked:
        for holder in one.holders:
            nodes.setdefault(f"t{holder}", names.get(holder, f"thread {holder}"))
            edges.append(Edge(f"t{one.tid}", f"t{holder}", one.resource, _is_next(outcome.cycle, one, holder)))
        if not one.holders:
            nodes[f"n{one.tid}"] = f"needs {one.needs or 'nobody knows'}"
            edges.append(Edge(f"t{one.tid}", f"n{one.tid}", one.resource, False))
    return Graph(nodes, edges)


def _is_next(cycle: Sequence[int], one: Blocked, holder: int) -> bool:
    return one.tid in cycle and cycle[(cycle.index(one.tid) + 1) % len(cycle)] == holder


def write_mermaid(results: Sequence[Result], out: TextIO) -> None:
    """Write one flowchart with a subgraph for each failure with threads that wait; Mermaid takes one diagram a file."""
    out.write("flowchart LR\n")
    for number, title, graph in _graphs(results):
        out.write(f"  subgraph f{number} [{_quoted(title)}]\n")
        for name, text in graph.nodes.items():
            out.write(f"    f{number}{name}[{_quoted(text)}]\n")
        for edge in graph.edges:
            arrow = "==>" if edge.is_cycle else "-->"
            out.write(f"    f{number}{edge.source} {arrow}|{_quoted(edge.label)}| f{number}{edge.target}\n")
        out.write("  end\n")


def _quoted(text: str) -> str:
    """Return a label of Mermaid, in which double quotes and the signs of markup are written as entities."""
    return '"' + text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;") + '"'


def write_dot(results: Sequence[Result], out: TextIO) -> None:
    """Write one directed graph with a cluster for each failure with threads that wait."""
    out.write("digraph interleave {\n  rankdir=LR;\n  node [shape=box];\n")
    for number, title, graph in _graphs(results):
        out.write(f"  subgraph cluster_{number} {{\n    label={json.dumps(title, ensure_ascii=False)};\n")
        for name, text in graph.nodes.items():
            out.write(f"    f{number}{name} [label={json.dumps(text, ensure_ascii=False)}];\n")
        for edge in graph.edges:
            style = ", penwidth=3" if edge.is_cycle else ""
            label = json.dumps(edge.label, ensure_ascii=False)
            out.write(f"    f{number}{edge.source} -> f{number}{edge.target} [label={label}{style}];\n")
        out.write("  }\n")
    out.write("}\n")


def _graphs(results: Sequence[Result]) -> Iterator[tuple[int, str, Graph]]:
    failures = [failure for result in results for failure in result.failures if failure.outcome.blocked]
    for number, failure in enumerate(failures, 1):
        yield number, f"{failure.scenario}: {failure.kind}", graph_of(failure.outcome)
