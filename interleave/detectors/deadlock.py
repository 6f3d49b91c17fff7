"""Deadlocks and stuck threads, from who waits for whom.

At the end of an execution every unfinished logical thread is `model.Blocked`. The wait-for graph has an edge from a thread to
each thread that could release it (the owner of the lock, the thread to be joined). A cycle is a deadlock: nobody on it can go on whatever
the others do. A blocked thread that reaches no cycle is stuck: it waits for something that nobody left will do.

Daemon threads may wait for ever, as they do at the end of every program; but a cycle among them is a deadlock all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import networkx as nx

from interleave.model import Blocked, Outcome

Node = TypeVar("Node", bound=Any)


def find_cycle(blocked: Sequence[Blocked]) -> tuple[int, ...]:
    """Return the tids of a shortest cycle of the wait-for graph, beginning with the lowest, or ()."""
    return next(iter(cycles_of((one.tid, holder) for one in blocked for holder in one.holders)), ())


def cycles_of(edges: Iterable[tuple[Node, Node]], *, longest: int | None = None) -> list[tuple[Node, ...]]:
    """Return the cycles of a graph, each from its lowest node on, shorter ones first."""
    found = nx.simple_cycles(nx.DiGraph(list(edges)), length_bound=longest)
    starts = ((cycle, cycle.index(min(cycle))) for cycle in found)
    return sorted(((*cycle[start:], *cycle[:start]) for cycle, start in starts), key=lambda cycle: (len(cycle), cycle))


def roots_of(blocked: Sequence[Blocked]) -> list[Blocked]:
    """Return those who do not wait for another blocked thread; those who wait for a thread that is stuck itself are not the story."""
    tids = {one.tid for one in blocked}
    return [one for one in blocked if not one.is_daemon and tids.isdisjoint(one.holders)] or list(blocked)


def judge(blocked: Sequence[Blocked], *, is_over: bool) -> Outcome | None:
    """Return the outcome of an execution that ended with these threads blocked.

    `is_over` says that every thread that is not a daemon has finished; then only a cycle counts.
    """
    cycle = find_cycle(blocked)
    if not cycle and (is_over or all(one.is_daemon for one in blocked)):
        return None
    if cycle:
        by_tid = {one.tid: one for one in blocked}
        members = [by_tid[tid] for tid in cycle]
        message, signature = _describe_cycle(members, len(blocked)), _signature("deadlock", members)
        return Outcome("deadlock", message, signature, tid=cycle[0], where=members[0].where, blocked=tuple(blocked), cycle=cycle)
    roots = roots_of(blocked)
    message = "; ".join(_describe_stuck(one, blocked) for one in roots)
    return Outcome("stuck", message, _signature("stuck", roots), tid=roots[0].tid, where=roots[0].where, blocked=tuple(blocked))


def _describe_cycle(members: Sequence[Blocked], total: int) -> str:
    if len(members) == 1:
        return f"{_word(members[0])} {members[0].thread!r} waits for {members[0].resource}, {members[0].itself}"
    links = ", ".join(
        f"{one.thread!r} waits for {one.resource} held by {members[(index + 1) % len(members)].thread!r}"
        if one.kind != "join"
        else f"{one.thread!r} waits for the end of {members[(index + 1) % len(members)].thread!r}"
        for index, one in enumerate(members)
    )
    others = f" ({total - len(members)} more blocked behind them)" if total > len(members) else ""
    return links + others


def _word(one: Blocked) -> str:
    return "task" if one.is_task else "thread"


def _describe_stuck(one: Blocked, blocked: Sequence[Blocked]) -> str:
    kept = ", and its event loop with it" if any(one.keeps_loop_of(other) for other in blocked) else ""
    return f"{_word(one)} {one.thread!r} waits for {one.resource}{kept}: nobody is left to do {one.needs}"


def _signature(kind: str, members: Sequence[Blocked]) -> tuple[str, ...]:
    return (kind, *sorted(f"{one.kind} {one.where.file}:{one.where.line}" for one in members))
