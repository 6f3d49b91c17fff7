"""The command `explore`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from interleave.arguments import of_seeds
from interleave.cli.options import choices, explained_errors, file_options, included, is_debugged, replay_command_of, scenarios_of
from interleave.errors import UsageError
from interleave.muffling import Muffler
from interleave.report import FORMATS, write
from interleave.result import Budget
from interleave.strategies import TABLE

if TYPE_CHECKING:
    from interleave.loading import Scenario
    from interleave.result import Result

#: Seconds of wall time without a step, after which an execution is given up.
_HANG: Final = 10.0

_EXPLORE_EPILOG: Final = """
\b
Examples:
  python -m interleave explore targets.cache
  python -m interleave explore targets.cache --executions 20000 --strategy random --seed 7
  python -m interleave explore targets.cache --strategy dfs --preemptions 2
  python -m interleave explore targets.cache --json - | jq '.scenarios[].verdict'
\b
"all N schedules" in the output means that every order was run and none fails; "N sampled" that N orders were
run and none failed. Ctrl-C stops and reports what was found so far.
"""


@click.command(epilog=_EXPLORE_EPILOG)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--strategy", type=click.Choice(list(TABLE)), default="auto", show_default=True, help="What makes the choices.")
@click.option(
    "--executions",
    type=click.IntRange(min=1),
    help="Runs of each scenario at most. [default: 2000; no limit with --seconds; 20000 with --until-saturated alone]",
)
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Time to explore each scenario at most. What fails is "
              "simplified for as long again at most.")  # fmt: skip
@click.option("--until-saturated", is_flag=True, help="Stop sampling where at most one execution in a hundred seems to be of a kind not "
              "seen yet, but after 20000 executions at the latest, or --executions or --seconds if given.")  # fmt: skip
@click.option("--steps", type=click.IntRange(min=1), default=Budget().steps, show_default=True, help="Steps explored of an execution.")
@click.option("--preemptions", type=click.IntRange(min=0), help="Preemptions in one schedule at most.")
@click.option("--include", multiple=True, metavar="PACKAGE", help="A package or module in which memory accesses are "
              "controlled too, besides those in [tool.interleave] of pyproject.toml. Repeatable.")  # fmt: skip
@choices()
@click.option("--seed", type=int, default=0, show_default=True, help="Number from which random strategies start.")
@click.option("--state", type=click.Path(dir_okay=False), metavar="FILE", help="Keep the explorations in a file, and continue those "
              "that are there.")  # fmt: skip
@file_options
@click.option("--no-database", is_flag=True, help="Neither try nor keep seeds in .interleave/.")
@click.option("--quiet", is_flag=True, help="Write nothing but failures.")
@click.option("--verbose", is_flag=True, help="Write all that is known of what was explored.")
@click.option("-s", "--show-output", is_flag=True, help="Let through what the program prints, in all executions.")
@click.option("--no-gil-label", is_flag=True, help="Do not find out of failures whether the GIL allows them.")
@click.option("--keep-going", is_flag=True, help="Look for further failures of a scenario after its first.")
def explore(targets: Sequence[str], **options: Any) -> None:
    """Explore every scenario of the TARGETs within a budget.

    Prints one line per scenario, then for each failure the shortest interleaving that shows it, and the command that replays it.
    """
    from interleave.loading import check_files, check_packages

    with explained_errors():
        given, options["include"] = options["include"], included(options["include"])
        files = {name: file for name in FORMATS if (file := options[name.replace("-", "_")]) is not None}
        check_files(files)
        muffler = Muffler()
        with muffler.before():
            scenarios = scenarios_of(targets)
            check_packages(given)
            results = _explore_all(scenarios, options, muffler, writes_text="-" not in files.values())
        _write_files(files, results)
    sys.exit(1 if any(result.failures for result in results) else 0)


def _explore_all(scenarios: Sequence[Scenario], options: Mapping[str, Any], muffler: Muffler, *, writes_text: bool) -> list[Result]:
    """Explore scenarios one after the other, writing what is found unless told not to."""
    from interleave.report.text import TextReporter

    if options["quiet"] and options["verbose"]:
        raise UsageError("--quiet and --verbose exclude each other.")
    text = TextReporter(is_quiet=options["quiet"], is_verbose=options["verbose"])
    results = []
    # The engine ends an exploration on Ctrl-C; here it can only come between two of them.
    with contextlib.suppress(KeyboardInterrupt):
        for scenario in scenarios:
            with contextlib.nullcontext() if options["show_output"] else muffler.on():
                results.append(_explore_one(scenario, options, muffler.err))
            if writes_text:
                text.add(results[-1], muffler.out)
            if results[-1].stopped_by == "interrupt":
                break
    if writes_text:
        text.finish(results, muffler.out)
        muffler.tell(is_quiet=options["quiet"])
    return results


def _explore_one(scenario: Scenario, options: Mapping[str, Any], err: TextIO) -> Result:
    from interleave.classes import UNSEEN, usual_executions
    from interleave.database import explore_remembering
    from interleave.report.progress import ProgressDisplay

    executions, seconds, unseen = options["executions"], options["seconds"], UNSEEN if options["until_saturated"] else None
    if executions is None:
        executions = usual_executions(seconds=seconds, unseen=unseen)
    hang = None if is_debugged() else _HANG
    with ProgressDisplay(scenario.name, err, is_on=not options["quiet"]) as progress:
        return explore_remembering(
            scenario.function,
            None if options["no_database"] else Path.cwd(),
            scenario.name,
            strategy=options["strategy"],
            budget=Budget(executions=executions, seconds=seconds, steps=options["steps"], hang=hang, unseen=unseen),
            stop_on_failure=not options["keep_going"],
            gil_label=not options["no_gil_label"],
            seed=options["seed"],
            preemptions=options["preemptions"],
            state=options["state"],
            name=scenario.name,
            progress=progress,
            replay_command=replay_command_of(scenario.target, options),
            **of_seeds(options),
        )


def _write_files(files: Mapping[str, str], results: Sequence[Result]) -> None:
    """Write the results in each of the formats asked for."""
    for name, file in files.items():
        with contextlib.nullcontext(sys.stdout) if file == "-" else open(file, "w", encoding="utf-8", errors="backslashreplace") as out:
            write(name, results, out)
