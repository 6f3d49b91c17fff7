"""The formats of other tools: what their readers require is there, and what was found is in it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from interleave.cli import cli
from interleave.explore import explore
from interleave.report import FORMATS, write
from interleave.report.spans import Span, spans_of
from interleave.result import Result
from targets import cache, deadlock


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """Explore a lost update, a deadlock, a stuck thread, and a scenario that passes."""
    scenarios = [
        cache.scenario_every_lookup_is_counted,
        deadlock.scenario_report_during_execution,
        deadlock.scenario_result_reaches_waiter,
    ]
    return [*(explore(one) for one in scenarios), explore(lambda: None, name="tests:scenario_nothing")]


def written(name: str, results: list[Result]) -> str:
    out = io.StringIO()
    write(name, results, out)
    return out.getvalue()


def test_sarif_has_what_the_standard_requires(results: list[Result]) -> None:
    log = json.loads(written("sarif", results))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert run["tool"]["driver"]["name"] == "interleave"
    # GitHub asks for these.
    assert all(rule["fullDescription"]["text"] and rule["help"]["text"] for rule in run["tool"]["driver"]["rules"])
    errors = [one for one in run["results"] if one["level"] == "error"]
    assert [one["ruleId"] for one in errors] == ["assertion", "deadlock", "stuck"]
    for one in run["results"]:
        assert rules[one["ruleIndex"]] == one["ruleId"]
        assert one["level"] in ("error", "warning", "note")
        assert one["message"]["text"]
        for location in [*one["locations"], *one.get("relatedLocations", [])]:
            physical = location["physicalLocation"]
            assert physical["region"]["startLine"] >= 1
            assert not physical["artifactLocation"]["uri"].startswith("/")


def test_sarif_points_at_both_lines_of_a_deadlock(results: list[Result]) -> None:
    (found,) = [one for one in json.loads(written("sarif", results))["runs"][0]["results"] if one["ruleId"] == "deadlock"]
    lines = [one["physicalLocation"] for one in [*found["relatedLocations"], *found["locations"]]]
    text = Path(deadlock.__file__).read_text(encoding="utf-8").splitlines()
    assert [text[one["region"]["startLine"] - 1].strip() for one in lines] == ["with self._metrics_lock:", "with self._cache_lock:"]
    assert all(one["artifactLocation"]["uri"].endswith("targets/deadlock.py") for one in lines)


def test_junit_counts_and_holds_the_reports(results: list[Result]) -> None:
    root = ElementTree.fromstring(written("junit", results))
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "4", "3")
    cases = list(root.iter("testcase"))
    assert [len(case.findall("failure")) for case in cases] == [1, 1, 1, 0]
    assert {suite.get("name") for suite in root} == {"targets.cache", "targets.deadlock", "tests"}
    for case in cases:
        assert case.get("classname")
        assert case.get("name")
        assert float(case.get("time", "")) >= 0
    failure = cases[0].find("failure")
    assert failure is not None
    assert failure.get("type") == "assertion"
    assert "lost an update" in (failure.text or "")


def test_junit_survives_what_xml_cannot_say(results: list[Result]) -> None:
    from dataclasses import replace

    failure = replace(results[0].failures[0], message="bell \x07, null \x00, half \ud800")
    text = written("junit", [replace(results[0], failures=(failure,))])
    assert ElementTree.fromstring(text.encode("utf-8")).get("failures") == "1"


def test_chrome_trace_has_the_fields_that_its_phases_require(results: list[Result]) -> None:
    data = json.loads(written("chrome-trace", results))
    events: list[dict[str, Any]] = data["traceEvents"]
    needed = {
        "M": ("args",),
        "X": ("ts", "dur"),
        "b": ("ts", "id", "cat"),
        "e": ("ts", "id", "cat"),
        "s": ("ts", "id"),
        "f": ("ts", "id", "bp"),
    }
    for event in events:
        assert {"ph", "pid", "tid", "name", *needed[event["ph"]]} <= event.keys()
    assert {event["pid"] for event in events} == {1, 2, 3}
    for begin, end in (("b", "e"), ("s", "f")):
        assert [one["id"] for one in events if one["ph"] == begin] == [one["id"] for one in events if one["ph"] == end]
    # Perfetto reads texts as hexadecimal numbers, and finds flows by nothing else; its thread 0 is the idle one.
    ids = [event["id"] for event in events if event["ph"] in "bs"]
    assert all(isinstance(one, int) for one in ids)
    assert len(set(ids)) == len(ids)
    assert min(event["tid"] for event in events) == 1
    slices = {(event["pid"], event["tid"], event["ts"]) for event in events if event["ph"] == "X"}
    assert {(event["pid"], event["tid"], event["ts"]) for event in events if event["ph"] in "sf"} <= slices
    named = {event["args"]["name"] for event in events if event["name"] == "thread_name" and event["pid"] == 2}
    assert named == {"main", "worker", "monitor"}


def test_spans_of_a_deadlock_are_the_locks_held_and_the_waiting(results: list[Result]) -> None:
    failure = results[1].failures[0]
    spans = spans_of(failure)
    cache_lock, metrics_lock = "Lock 'ToolPipeline._cache_lock'", "Lock 'ToolPipeline._metrics_lock'"
    end = len(failure.trace.steps)
    held = {(span.tid, span.what) for span in spans if span.kind == "held" and span.end == end}
    blocked = {(span.tid, span.what) for span in spans if span.kind == "blocked" and span.end == end and span.tid}
    assert held == {(1, cache_lock), (2, metrics_lock)}
    assert blocked == {(1, metrics_lock), (2, cache_lock)}


def test_a_thread_that_waits_on_a_condition_does_not_hold_its_lock(results: list[Result]) -> None:
    failure = results[2].failures[0]
    waiter = next(thread.tid for thread in failure.trace.threads if thread.name == "waiter")
    wait = next(step.index for step in failure.trace.steps if step.kind == "wait")
    held = [span for span in spans_of(failure) if span.kind == "held" and span.tid == waiter]
    assert held == [Span("held", waiter, "RLock 'ResultSlot._changed'", held[0].start, wait)]


def test_graphs_name_threads_and_resources(results: list[Result]) -> None:
    mermaid, dot = written("mermaid", results), written("dot", results)
    assert mermaid.startswith("flowchart LR\n")
    assert mermaid.count("==>") == 2
    assert re.search(r'^    f1t1 ==>\|"Lock \'ToolPipeline._metrics_lock\'"\| f1t2$', mermaid, re.MULTILINE)
    assert "needs a notify() or notify_all() after it began to wait" in mermaid
    assert dot.startswith("digraph interleave {")
    assert dot.count("{") == dot.count("}") == 3
    assert dot.count("penwidth=3") == 2


def test_every_format_has_an_option_that_writes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent.parent)
    files = {name: tmp_path / f"{name}.out" for name in FORMATS}
    options = [part for name, file in files.items() for part in (f"--{name}", str(file))]
    done = CliRunner().invoke(cli, ["explore", "targets.cache:scenario_every_lookup_is_counted", "--no-database", *options])
    assert done.exit_code == 1, done.output
    assert "FAILED" in done.stdout
    assert all(file.stat().st_size for file in files.values())


def test_format_on_standard_output_stands_there_alone() -> None:
    done = CliRunner().invoke(cli, ["explore", "targets.cache:scenario_every_lookup_is_counted", "--no-database", "--sarif", "-"])
    assert json.loads(done.stdout)["version"] == "2.1.0"
