"""The command line: `python -m interleave explore targets.cache`.

Each command finds its scenarios (`loading`), hands them to the engine and has a reporter write what it found. What a user can
do wrong ends as one sentence and exit status 2; failures found are status 1, and 0 means that nothing failed.

`explore` and `replay` run with a fixed hash seed, because the order of a set of strings is part of a program's behaviour: where
PYTHONHASHSEED is not set, the process replaces itself by one in which it is 0. The engine is imported by the commands that
need it, so that `--help` is quick.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from interleave.arguments import CHOICES, SEED_OPTIONS, seed_options
from interleave.errors import InterleaveError, ReplayMismatch, UsageError
from interleave.model import Budget
from interleave.muffling import Muffler
from interleave.report import FORMATS, write
from interleave.strategies import TABLE

if TYPE_CHECKING:
    from interleave.loading import Scenario
    from interleave.model import Failure, Result

#: Seconds of wall time without a step, after which an execution is given up.
_HANG: Final = 10.0
#: Commands that run the program under test, and so need a fixed hash seed.
_RUNNING: Final = ("explore", "replay")

_EXAMPLES: Final = """
\b
Examples:
  python -m interleave explore targets.cache                every scenario of a module
  python -m interleave explore tests/races.py::scenario_put one function of a file
  python -m interleave explore targets.cache --seconds 60 --strategy pct
  python -m interleave explore targets.cache --include cachetools --json report.json
  python -m interleave list targets.cache                   what there is to explore
  python -m interleave replay targets.cache:scenario_put SEED --pdb
\b
A scenario is a function without parameters that does what a test would do: build its own state, start
threads, join them, assert. It is marked with @interleave.scenario or named scenario*.
\b
Exit status: 0 nothing failed, 1 failures found, 2 the command could not be carried out.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    if arguments is None:
        _fix_hash_seed()
    # A terminal that cannot show a character of a report must not cost the report.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    cli.main(args=None if arguments is None else list(arguments), prog_name="python -m interleave")


def _is_debugged() -> bool:
    """Tell whether a debugger such as those of VS Code and PyCharm runs in this process."""
    return "debugpy" in sys.modules or "pydevd" in sys.modules


def _fix_hash_seed() -> None:
    """Start this process anew with a fixed hash seed, if it has a random one and will run programs."""
    if not any(argument in _RUNNING for argument in sys.argv[1:2]) or sys.flags.ignore_environment:
        return
    if os.environ.get("PYTHONHASHSEED", "random") != "random":
        return
    if _is_debugged():
        # The debugger is connected to this process: another one would be lost to it.
        click.echo("The hash seed is random under a debugger; set PYTHONHASHSEED=0 for an order of sets that is always the same.", err=True)
        return
    os.environ["PYTHONHASHSEED"] = "0"
    command = [sys.executable, *sys.orig_argv[1:]]
    if os.name == "nt":
        # There `exec` returns to the shell at once, while the new process still runs.
        import subprocess

        sys.exit(subprocess.call(command))
    os.execv(sys.executable, command)


@contextlib.contextmanager
def _explained_errors() -> Iterator[None]:
    """Turn errors of ours into a message and exit status 2."""
    try:
        yield
    except BrokenPipeError:
        # Whoever reads has seen enough (`head`). What is still in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    except OSError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except InterleaveError as error:
        first, *rest = str(error).splitlines() or [type(error).__name__]
        where = f" (at {error.where})" if isinstance(error, ReplayMismatch) and error.where and error.where not in str(error) else ""
        click.echo(f"Error: {first}{where}", err=True)
        for line in rest:
            click.echo(f"  {line}", err=True)
        sys.exit(2)


@click.group(epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="interleave", message="%(prog)s %(version)s", prog_name="interleave")
def cli() -> None:
    """Find the thread interleaving that breaks your program, explain it, and replay it.

    TARGET is a module (targets.cache), a function in one (targets.cache:scenario_put), a file (path/to/races.py) or a function
    in one (path/to/races.py::scenario_put).
    """


def _file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that write the results to files."""
    for name, (_, text) in reversed(FORMATS.items()):
        kind = click.Path(dir_okay=False, allow_dash=True)
        end = "; - for standard output, and nothing else there." if name == "json" else "."
        command = click.option(f"--{name}", type=kind, metavar="FILE", help=f"{text}{end}")(command)
    return command


def _choices(**defaults: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds the options with a few values, some with another default than usual."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for name, (values, text, _) in reversed(CHOICES.items()):
            default = defaults.get(name, values[0])
            kind = click.Choice(values)
            command = click.option(f"--{name.replace('_', '-')}", type=kind, default=default, show_default=True, help=text)(command)
        return command

    return decorate


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


@cli.command(epilog=_EXPLORE_EPILOG)
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
@_choices()
@click.option("--seed", type=int, default=0, show_default=True, help="Number from which random strategies start.")
@click.option("--state", type=click.Path(dir_okay=False), metavar="FILE", help="Keep the explorations in a file, and continue those "
              "that are there.")  # fmt: skip
@_file_options
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

    with _explained_errors():
        given, options["include"] = options["include"], _include(options["include"])
        files = {name: file for name in FORMATS if (file := options[name.replace("-", "_")]) is not None}
        check_files(files)
        muffler = Muffler()
        with muffler.before():
            scenarios = _scenarios_of(targets)
            check_packages(given)
            results = _explore_all(scenarios, options, muffler, writes_text="-" not in files.values())
        _write_files(files, results)
    sys.exit(1 if any(result.failures for result in results) else 0)


def _include(given: Sequence[str]) -> tuple[str, ...]:
    """Return what is in scope besides the user's own code: what the project says, and the command line."""
    from interleave.configuration import configured

    return tuple(dict.fromkeys([*configured(Path.cwd()).get("include", ()), *given]))


def _scenarios_of(targets: Sequence[str]) -> list[Scenario]:
    from interleave.loading import find_scenarios

    return [scenario for target in targets for scenario in find_scenarios(target)]


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
    from interleave.classes import SATURATION, UNSEEN
    from interleave.database import explore_remembering
    from interleave.report.progress import ProgressDisplay

    executions, seconds, unseen = options["executions"], options["seconds"], UNSEEN if options["until_saturated"] else None
    if executions is None and seconds is None:
        executions = Budget().executions if unseen is None else SATURATION
    with ProgressDisplay(scenario.name, err, is_on=not options["quiet"]) as progress:
        return explore_remembering(
            scenario.function,
            None if options["no_database"] else Path.cwd(),
            scenario.name,
            strategy=options["strategy"],
            budget=Budget(executions, seconds, options["steps"], None if _is_debugged() else _HANG, unseen),
            stop_on_failure=not options["keep_going"],
            gil_label=not options["no_gil_label"],
            seed=options["seed"],
            preemptions=options["preemptions"],
            state=options["state"],
            name=scenario.name,
            progress=progress,
            replay_command=_replay_command(scenario.target, options),
            **_of_seeds(options),
        )


def _of_seeds(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that exploring and replaying share."""
    return {name: options[name] for name in SEED_OPTIONS}


def _replay_command(target: str, options: Mapping[str, Any]) -> Callable[[str], str]:
    """Make the function that tells how to replay a seed with the options that it depends on."""
    # What `replay` does anyway.
    extra = seed_options({**options, "races": "report"} if options["races"] == "harmful" else options)
    python = _python()
    return lambda seed: shlex.join([python, "-m", "interleave", "replay", target, seed, *extra])


def _python() -> str:
    """Return what to type for this interpreter: its name where the shell would find it, else its path."""
    import shutil

    from interleave.report.source import short_path

    for name in ("python", "python3"):
        if shutil.which(name) == sys.executable:
            return name
    return short_path(sys.executable)


def _write_files(files: Mapping[str, str], results: Sequence[Result]) -> None:
    """Write the results in each of the formats asked for."""
    for name, file in files.items():
        with contextlib.nullcontext(sys.stdout) if file == "-" else open(file, "w", encoding="utf-8", errors="backslashreplace") as out:
            write(name, results, out)


_REPLAY_EPILOG: Final = """
\b
Examples:
  python -m interleave replay targets.cache:scenario_put SEED
  python -m interleave replay targets.cache:scenario_put SEED --trace   every step, not only those that matter
  python -m interleave replay targets.cache:scenario_put SEED --pdb     the debugger at the failure
  python -m interleave replay targets.cache:scenario_put SEED --step 12 the debugger at a step
\b
Give --include, --timeouts, --task-order and --granularity as they were when the seed was found; the command printed with it has them.
"""


@cli.command(epilog=_REPLAY_EPILOG)
@click.argument("target", metavar="TARGET:SCENARIO")
@click.argument("seed")
@click.option("--pdb", is_flag=True, help="Start the debugger where it fails, or in the thread that is blocked.")
@click.option("--step", type=click.IntRange(min=0), metavar="N", help="Start the debugger at step N, as --trace numbers them.")
@click.option("--trace", is_flag=True, help="Print every step.")
@click.option("--lenient", is_flag=True, help="Follow what still matches if the code has changed since.")
@click.option("--include", multiple=True, metavar="PACKAGE", help="As in explore.")
@_choices(races="harmful")
def replay(target: str, seed: str, **options: Any) -> None:
    """Run exactly the schedule of SEED again and report how it ends."""
    with _explained_errors(), Muffler().before():
        options["include"] = _include(options["include"])
        failed = _replay(target, seed, options)
    sys.exit(1 if failed else 0)


def _replay(target: str, seed: str, options: Mapping[str, Any]) -> bool:
    """Replay a seed and print what happened; tell whether it failed."""
    from interleave.explore import replay
    from interleave.report.races import race_lines
    from interleave.report.trace import write_trace

    scenarios = _scenarios_of([target])
    if len(scenarios) > 1:
        raise UsageError(
            f"{target!r} has {len(scenarios)} scenarios, and a seed belongs to one of them.\n"
            f"Name it: python -m interleave replay {scenarios[0].target} SEED"
        )
    scenario = scenarios[0]
    _hook_breakpoints()
    again = functools.partial(
        replay, scenario.function, seed, name=scenario.name, lenient=options["lenient"],
        replay_command=_replay_command(scenario.target, options), **_of_seeds(options),
    )  # fmt: skip
    replayed = again()
    if replayed.left_path:
        click.echo(f"The code has changed since the seed was made: the execution left its path at {replayed.left_path}.\n")
    if options["trace"]:
        write_trace(replayed.trace, sys.stdout)
    if options["step"] is not None:
        _debug(again, len(replayed.trace.steps), step=options["step"])
    if replayed.failure is None:
        click.echo(f"{scenario.name} passed with this schedule.")
        for line in race_lines(replayed.races):
            click.echo(f"  {line}")
        return False
    _write_report(replayed.failure, sys.stdout)
    if options["pdb"]:
        _debug(again, len(replayed.trace.steps))
    return True


def _hook_breakpoints() -> None:
    """Have `breakpoint()` in the program start a debugger that knows of logical threads; its module is costly to import."""
    if "PYTHONBREAKPOINT" not in os.environ and sys.breakpointhook is sys.__breakpointhook__:

        def hook(*_: object, **__: object) -> None:
            from interleave.debugging import Debugger

            Debugger().set_trace(sys._getframe(1))

        sys.breakpointhook = hook


def _debug(again: Callable[..., object], steps: int, *, step: int | None = None) -> None:
    """Replay once more, the same as before, with a debugger at a step, or at the end."""
    from interleave.debugging import Session

    if step is not None and not 0 <= step < steps:
        raise UsageError(f"there is no step {step}: this execution has the steps 0 to {steps - 1}.\nList them: --trace")
    again(onlooker=Session(stops_at_end=step is None, step=step))


def _write_report(failure: Failure, out: TextIO) -> None:
    from interleave.report import render
    from interleave.report.words import wants_color

    out.write(render(failure, color=wants_color(out)))


@cli.command("list")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
def list_scenarios(targets: Sequence[str]) -> None:
    """List the scenarios of the TARGETs, each with the first line of its docstring."""
    with _explained_errors():
        for scenario in _scenarios_of(targets):
            click.echo(f"{scenario.target}  {scenario.summary}".rstrip())
