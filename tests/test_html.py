"""The page: what is in it, and that it works in a real browser, where there is one."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from interleave.explore import explore
from interleave.model import Step
from interleave.report import write
from interleave.result import Result
from targets import cache, deadlock
from tests.browser import CHROMIUM, Browser

pytest.importorskip("jinja2", reason="the page needs jinja2")
VOID = {"meta", "link", "input"}
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed to look at the page with")


@pytest.fixture(scope="module")
def results() -> list[Result]:
    scenarios = [cache.scenario_every_lookup_is_counted, deadlock.scenario_report_during_execution]
    return [explore(one) for one in scenarios]


@pytest.fixture(scope="module")
def page(results: list[Result], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(written(results), encoding="utf-8")
    return file


def written(results: list[Result]) -> str:
    out = io.StringIO()
    write("html", results, out)
    return out.getvalue()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def data_of(text: str) -> dict[str, list[dict[str, list[list[int]]]]]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found
    data: dict[str, list[dict[str, list[list[int]]]]] = json.loads(found[1])
    return data


def test_page_is_well_formed_and_needs_no_network(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    opened: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in ("img", "iframe")
            assert not any(name in ("src", "srcset") for name, _ in attrs)
            if tag not in VOID:
                opened.append(tag)

        def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in ("path", "rect")

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Checker().feed(text)
    assert not opened
    assert "http" not in text


def test_rows_point_into_the_tables(results: list[Result], page: Path) -> None:
    data = data_of(page.read_text(encoding="utf-8"))
    assert len(data["failures"]) == 2
    for failure, result in zip(data["failures"], results, strict=True):
        assert len(failure["steps"]) == len(result.failures[0].trace.steps)
        for tid, kind, file, line, place, value, words, flags in failure["steps"]:
            assert tid < len(failure["threads"])
            assert max(kind, place, value, words) < len(data["texts"])
            # What a library made at run time has no source.
            assert not data["files"][file]["lines"] or str(line) in data["files"][file]["lines"]  # type: ignore[operator]
            assert flags in (0, 1, 3)


def test_texts_of_the_program_cannot_break_out_of_the_page(results: list[Result]) -> None:
    failure = results[0].failures[0]
    evil = "</script><script>alert(1)</script>"
    steps = [replace(step, value=evil, place=evil) for step in failure.trace.steps]
    changed = replace(failure, message=evil, trace=replace(failure.trace, steps=steps))
    text = written([replace(results[0], failures=(changed,), scenario=evil)])
    assert text.count("<script") == 2
    assert text.count("</script") == 2
    assert evil in json.dumps(data_of(text)["texts"])


def test_run_without_failures_has_a_page() -> None:
    text = written([explore(lambda: None, name="m:nothing")])
    assert "m:nothing" in text
    assert data_of(text)["failures"] == []


@needs_browser
def test_page_steps_forward_and_back_with_the_source_beside_it(page: Path, browser: Browser, results: list[Result]) -> None:
    browser.open(page)
    steps = results[0].failures[0].trace.steps
    at = browser.value("document.body.dataset.step")
    # It begins at the first access that explains the failure.
    assert (steps[int(at)].kind, steps[int(at)].value) == ("read", "0")
    assert browser.value("document.querySelector('.source .now').textContent").split(maxsplit=1) == ["44", "self._hits += 1"]
    browser.press("ArrowRight")
    assert browser.value("document.body.dataset.step") == str(int(at) + 1)
    browser.press("ArrowLeft")
    assert browser.value("document.body.dataset.step") == at
    for key, expected in (("End", len(steps) - 1), ("Home", 0), ("PageDown", 10)):
        browser.press(key)
        assert browser.value("Number(document.body.dataset.step)") == expected
    browser.press("Home")
    marked = []
    for _ in range(3):
        browser.press("m")
        marked.append(steps[browser.value("Number(document.body.dataset.step)")])
    assert [(step.kind, step.value) for step in marked] == [("read", "0"), ("write", "1"), ("write", "1")]
    values = browser.value("[...document.querySelectorAll('#values tr')].map((row) => row.innerText)")
    assert "LRUToolCache._hits\t1" in values
    browser.value("(document.querySelector('#scrubber').value = 3, document.querySelector('#scrubber').dispatchEvent(new Event('input')))")
    assert browser.value("document.body.dataset.step") == "3"
    assert browser.complaints == []
    assert browser.requests == [page.as_uri(), "data:,"] or browser.requests == [page.as_uri()]


@needs_browser
def test_page_shows_the_other_failure_with_its_graph(page: Path, browser: Browser) -> None:
    browser.open(page)
    browser.value("document.querySelectorAll('[data-failure]')[1].click()")
    assert browser.value("document.querySelectorAll('section:not([hidden]) svg path.cycle').length") == 2
    browser.value("document.querySelector('main').click()")
    assert browser.value("document.body.dataset.shown") == "1"
    assert "ToolPipeline._cache_lock" in browser.value("document.querySelector('section:not([hidden]) svg').textContent")
    assert browser.complaints == []


@needs_browser
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [420, 900, 1500])
def test_page_fits_its_window_and_its_colours_can_be_read(page: Path, browser: Browser, width: int, is_dark: bool) -> None:
    browser.resize(width, is_dark=is_dark)
    browser.open(page)
    assert browser.value("document.documentElement.scrollWidth") <= width
    # Something other than the background was drawn.
    drawn = "new Set(document.querySelector('canvas').getContext('2d').getImageData(0, 0, 400, 100).data).size"
    assert browser.value(drawn) > 3
    paper, ink = browser.value("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    dark, light = sorted(sum(map(int, re.findall(r"\d+", color)[:3])) for color in (paper, ink))
    assert light - dark > 500
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) == dark) is is_dark
    assert browser.complaints == []


@needs_browser
def test_ten_thousand_steps_cost_what_is_in_view(results: list[Result], tmp_path: Path, browser: Browser) -> None:
    failure = results[0].failures[0]
    first = failure.trace.steps
    steps: list[Step] = [replace(first[index % len(first)], index=index, value=str(index)) for index in range(10_000)]
    long = replace(failure, trace=replace(failure.trace, steps=steps))
    file = tmp_path / "long.html"
    file.write_text(written([replace(results[0], failures=(long,))]), encoding="utf-8")
    browser.open(file)
    # Calls of the canvas are counted, not time, which says more of the machine.
    count = "(() => { const own = CanvasRenderingContext2D.prototype, fill = own.fillRect; window.calls = 0; own.fillRect = function (...all) { window.calls += 1; return fill.apply(this, all); }; })()"  # noqa: E501
    browser.value(count)
    for key in ("Home", "End", *["ArrowLeft"] * 20, "PageUp", "n", "m"):
        browser.press(key)
    assert browser.value("document.body.dataset.step")
    assert 0 < browser.value("window.calls") < 30 * 400
    browser.press("End")
    assert browser.value("document.querySelector('#said').textContent").startswith("step 9999 of 9999")
    assert browser.complaints == []
